import type { IncomingMessage, ServerResponse } from 'node:http'

/** Requests whose clients wait for `100 Continue` before they send the body (RFC 9110, 10.1.1). */
const waiting = new WeakSet<IncomingMessage>()

/**
 * Let the client wait. If it is answered without having been told to go on, nobody knows whether the body comes, and
 * Node.js closes the connection.
 */
export function holdContinue(req: IncomingMessage): void {
  waiting.add(req)
}

/** The body is wanted: tell a client that waits for it. */
export function sendContinue(req: IncomingMessage, res: ServerResponse): void {
  if (waiting.delete(req)) res.writeContinue()
}

export function waitsForContinue(req: IncomingMessage): boolean {
  return waiting.has(req)
}
