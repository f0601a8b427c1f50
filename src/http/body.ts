import type { ServerResponse } from 'node:http'
import { Failure } from '../errors.ts'
import type { AccessFacts } from './exchange.ts'

/**
 * Write pieces as fast as the client takes them; each is handed over before the next is asked for.
 *
 * @throws what the pieces throw, or the signal's reason when the client leaves
 */
export async function writePieces(
  res: ServerResponse,
  pieces: AsyncIterable<Uint8Array>,
  facts: AccessFacts,
  signal: AbortSignal,
): Promise<void> {
  for await (const piece of pieces) {
    if (piece.length === 0) continue
    await write(res, piece, signal)
    facts.bytes += piece.length
  }
}

function write(res: ServerResponse, piece: Uint8Array, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error)
      return
    }
    const abort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    res.write(piece, (error) => {
      signal.removeEventListener('abort', abort)
      // A connection that breaks is a client that has left, not a defect.
      if (error) reject(new Failure('CONTENT_UNAVAILABLE', 'the client has left', { cause: error }))
      else resolve()
    })
  })
}

/**
 * Wait for the first piece, before any header leaves: what fails early is an error answer then, not a cut body.
 *
 * @throws what the first piece throws
 */
export async function beginPieces(pieces: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = pieces[Symbol.asyncIterator]()
  const first = await iterator.next()
  return { [Symbol.asyncIterator]: () => startingWith(first, iterator) }
}

function startingWith(
  first: IteratorResult<Uint8Array>,
  rest: AsyncIterator<Uint8Array>,
): AsyncIterator<Uint8Array> {
  let pending: IteratorResult<Uint8Array> | undefined = first
  return {
    next: async () => {
      const result = pending ?? (await rest.next())
      pending = undefined
      return result
    },
    return: async () => (await rest.return?.()) ?? { done: true, value: undefined },
  }
}
