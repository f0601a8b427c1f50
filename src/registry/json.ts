import type { ServerResponse } from 'node:http'
import type { Exchange } from '../http/exchange.ts'

/** Send JSON under exactly this media type, with its length. */
export function sendJson(
  res: ServerResponse,
  exchange: Exchange,
  mediaType: string,
  value: unknown,
  head: boolean,
): void {
  const body = Buffer.from(JSON.stringify(value))
  exchange.answering()
  res.setHeader('Content-Type', mediaType)
  res.setHeader('Content-Length', body.length)
  if (head) {
    res.end()
    return
  }
  res.end(body)
  exchange.facts.bytes = body.length
}
