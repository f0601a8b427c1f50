import { Failure } from '../errors.ts'
import { CHUNK, checkedChunks } from './chunk-sums.ts'
import type { FillOptions } from './fill-options.ts'
import type { Intake } from './intake.ts'

/** What a reader wants who was too slow for the window. */
export interface Missed {
  readonly position: number
  readonly end: number
  /** Bytes of the whole blob. */
  readonly size: number
  /** Offset up to which bytes may be passed on. */
  readonly visible: () => number
}

/**
 * Bytes of a fetch under way that have left its window, fetched once more for the one reader who still needs them and
 * held to the checksums of what went by. It is one request for all the rest: a reader who is slower than the fetch
 * would ask for every chunk anew. It ends early where the reader has caught up.
 *
 * @returns pieces from `position` on, to `end` at most
 * @throws Failure CONTENT_INVALID when the source sends other bytes this time; what the fetch throws
 */
export async function* missedBytes(
  { digest, fetch }: FillOptions,
  { chunks, window }: Intake,
  { position, end, size, visible }: Missed,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const first = Math.floor(position / CHUNK)
  const file = await fetch(
    { start: first * CHUNK, end: Math.min(Math.ceil(end / CHUNK) * CHUNK, size) },
    signal,
  )
  const mismatch = (): Failure => {
    file.discredit(`its bytes of ${digest} differ from those that came before`)
    return new Failure(
      'CONTENT_INVALID',
      `${file.source} sent bytes of ${digest} that differ from those before`,
    )
  }
  let at = first * CHUNK
  for await (const chunk of checkedChunks(file.body, first, chunks, mismatch)) {
    const from = Math.max(position, at)
    const to = Math.min(at + chunk.length, end, visible())
    if (from < to) yield chunk.subarray(from - at, to - at)
    at += chunk.length
    // Near the end of the window the reader would soon fall out of it again.
    const caughtUp = at >= (window.start + window.end) / 2
    if (to < at || caughtUp) return
  }
}
