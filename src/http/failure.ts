import type { IncomingMessage, ServerResponse } from 'node:http'
import { Failure } from '../errors.ts'
import { exchangeOf } from './exchange.ts'
import { endAnswer } from './parting.ts'

/** The OCI error body (distribution-spec, "Error Codes"). */
export function failureBody(failure: Failure): Buffer {
  const entry: Record<string, unknown> = { code: failure.kind.oci, message: failure.message }
  if (failure.detail !== undefined) entry['detail'] = failure.detail
  return Buffer.from(JSON.stringify({ errors: [entry] }))
}

/** What may be told to a client of anything thrown: a {@link Failure} as it is, everything else as a defect. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error
  return new Failure('INTERNAL', 'internal error', { cause: error })
}

/**
 * Answer with a failure, or, when the answer has begun already, destroy the connection: a cut body makes clients try
 * again, while a complete one with wrong or missing bytes would be believed.
 */
export function answerFailure(req: IncomingMessage, res: ServerResponse, error: unknown): void {
  const failure = asFailure(error)
  const exchange = exchangeOf(req)
  const { facts, id } = exchange
  facts.error = failure.code
  facts.reason = failure.message
  if (res.headersSent) {
    res.destroy()
    return
  }
  if (res.destroyed) return
  exchange.answering()
  const body = failureBody(failure)
  res.setHeader('Content-Type', 'application/json')
  res.setHeader('Content-Length', body.length)
  res.setHeader('Docker-Distribution-Api-Version', 'registry/2.0')
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('X-Request-Id', id)
  if (failure.retryAfter !== undefined) res.setHeader('Retry-After', String(failure.retryAfter))
  res.statusCode = failure.kind.status
  const bodiless = req.method === 'HEAD'
  facts.bytes = bodiless ? 0 : body.length
  endAnswer(req, res, facts, bodiless ? undefined : body)
}
