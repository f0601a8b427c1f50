import { endAnswer } from '../http/parting.ts'
import type { PushRequest } from './push.ts'

/** Answer without a body. */
export function sendEmpty({ req, res, exchange }: PushRequest, status: 201 | 202 | 204): void {
  exchange.answering()
  res.statusCode = status
  // RFC 9110, 8.6: none where there can be no body.
  if (status !== 204) res.setHeader('Content-Length', 0)
  endAnswer(req, res, exchange.facts)
}
