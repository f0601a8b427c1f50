import { Failure } from '../errors.ts'
import { CHUNK, checkedPieces } from './chunk-sums.ts'
import type { FillOptions } from './fill-options.ts'
import type { Intake } from './intake.ts'

/**
 * Bytes of a fetch under way that have left its window, fetched once more for the one reader who still needs them and
 * held to the checksums of what went by.
 *
 * @returns pieces from `position` on, to `limit` at most; fewer where the window begins
 * @throws Failure CONTENT_INVALID when the source sends other bytes this time; what the fetch throws
 */
export async function* missedBytes(
  options: FillOptions,
  intake: Intake,
  part: { position: number; limit: number },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { digest, fetch } = options
  const { sums, window, received } = intake
  const { limit } = part
  let { position } = part
  const chunk = Math.floor(position / CHUNK)
  const lastChunk = Math.min(sums.complete, Math.ceil(Math.min(limit, window.start) / CHUNK))
  const file = await fetch({ start: chunk * CHUNK, end: Math.min(lastChunk * CHUNK, received) }, signal)
  const mismatch = (): Failure => {
    file.discredit(`its bytes of ${digest} differ from those that came before`)
    return new Failure(
      'CONTENT_INVALID',
      `${file.source} sent bytes of ${digest} that differ from those before`,
    )
  }
  let skip = position - chunk * CHUNK
  for await (const piece of checkedPieces(file.body, chunk, sums, mismatch)) {
    const wanted = piece.subarray(Math.min(skip, piece.length), skip + limit - position)
    skip = Math.max(0, skip - piece.length)
    position += wanted.length
    if (wanted.length > 0) yield wanted
    if (position >= limit) return
  }
}
