import { Failure } from '../../errors.ts'
import type { AnswerBody } from './answer-body.ts'

/** Bytes that are passed over at most, where a server does not know ranges: more is not worth the waiting. */
const MAX_SKIPPED = 64 * 1024 * 1024

export interface Count {
  /** Bytes in front that are not wanted. */
  readonly skip: number
  /** Bytes that are wanted. */
  readonly length: number
  /** Bytes behind them that are not wanted. */
  readonly rest: number
  /** Name of the source, and of what is read, for messages. */
  readonly name: string
  readonly what: string
}

/**
 * The wanted bytes of a body without proofs: exactly so many. What can be known of it is its length, so the body is
 * looked at up to its end before the last piece is passed on.
 *
 * @throws Failure CONTENT_UNAVAILABLE when the body ends before, CONTENT_INVALID when it goes on behind
 */
export async function* countedBody(
  body: AnswerBody,
  { skip, length, rest, name, what }: Count,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (length === 0) return
  if (skip > MAX_SKIPPED) throw new Failure('CONTENT_UNAVAILABLE', `${name} can't give a part of ${what}`)
  const end = skip + length
  let at = 0
  for (;;) {
    const chunk = await body.readJoined()
    if (chunk === undefined)
      throw cut(body, name, `${what}: ${Math.max(0, at - skip)} of ${length} bytes came`)
    const from = at
    at += chunk.byteLength
    const piece = chunk.subarray(Math.max(0, skip - from), Math.max(0, end - from))
    if (at >= end) {
      if (rest < Infinity) await expectEnd(body, at - end, rest, `${name} sends more bytes than ${what} has`)
      yield piece
      return
    }
    if (piece.byteLength > 0) yield piece
  }
}

async function expectEnd(body: AnswerBody, over: number, rest: number, message: string): Promise<void> {
  let behind = over
  while (behind <= rest) {
    const chunk = await body.readSoon()
    if (chunk === undefined) return
    behind += chunk.byteLength
  }
  throw new Failure('CONTENT_INVALID', message)
}

/** Kubo says why it broke off in a trailer, and only there. */
function cut(body: AnswerBody, name: string, what: string): Failure {
  const reason = body.trailers['x-stream-error']
  const why = reason === undefined ? '' : ` (${String(reason)})`
  return new Failure('CONTENT_UNAVAILABLE', `${name} broke off in the middle of ${what}${why}`)
}
