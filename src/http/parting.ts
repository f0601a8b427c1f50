import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AccessFacts } from './exchange.ts'
import { waitsForContinue } from './expectation.ts'
import { hasBody } from './request-body.ts'

/** ms for which a client may go on sending after its answer, so that it comes to read it. */
const PARTING = 2_000
/** Bytes of that which are taken. */
const DRAINED = 8 * 2 ** 20

/**
 * Send the rest of an answer and end it. Where the request's body is still coming, the connection is closed, but not
 * before the client has had the time to read the answer: many do so only when they have sent everything, and what comes
 * to a closed connection resets it, which may destroy the answer on its way (RFC 9112, 9.6).
 */
export function endAnswer(
  req: IncomingMessage,
  res: ServerResponse,
  facts: AccessFacts,
  body?: Uint8Array,
): void {
  if (!hasBody(req) || req.complete || waitsForContinue(req)) {
    req.resume()
    res.end(body)
    return
  }
  res.setHeader('Connection', 'close')
  if (body === undefined) res.flushHeaders()
  else res.write(body)
  drain(req, res, facts)
}

function drain(req: IncomingMessage, res: ServerResponse, facts: AccessFacts): void {
  let taken = 0
  const end = (): void => {
    clearTimeout(timer)
    res.end()
  }
  const timer = setTimeout(end, PARTING)
  res.once('close', () => clearTimeout(timer))
  req.once('end', end)
  req.on('data', (piece: Buffer) => {
    taken += piece.length
    facts.received += piece.length
    // The rest stays with the client, which then has nothing else to do than to read.
    if (taken > DRAINED) req.pause()
  })
  req.resume()
}
