import type { Window } from './window.ts'

/** A reader of a fetch that has no file to read back from. */
export interface PacedReader {
  position: number
  /** ms since the epoch since when the window would leave it behind. */
  behindSince?: number | undefined
  /** It was left behind, and fetches for itself what it misses. */
  alone?: boolean
}

/** ms that one who falls behind is waited for, once: most are only a little out of step. */
const PATIENCE = 2_000

/**
 * How long a fetch without a file waits before its window moves on: for a moment for those who would be left behind, since
 * each of them would have to fetch for itself, and for as long as it takes for the fastest.
 *
 * @param next `incoming` bytes of the next piece, `visible` offset up to which readers are given bytes
 * @param now ms since the epoch
 * @returns ms; 0 when it need not wait, Infinity when only a reader's progress can help
 */
export function paceOf(
  readers: Iterable<PacedReader>,
  window: Window,
  next: { incoming: number; visible: number },
  now: number,
): number {
  const all = [...readers]
  const fastest = Math.max(window.start, ...all.map(({ position }) => position))
  let patience = 0
  for (const reader of all) {
    if (reader.alone === true || reader.position === fastest) continue
    if (!window.wouldDrop(reader.position, next.incoming)) {
      reader.behindSince = undefined
      continue
    }
    reader.behindSince ??= now
    const left = reader.behindSince + PATIENCE - now
    if (left <= 0 || reader.position < window.start) reader.alone = true
    else patience = Math.max(patience, left)
  }
  if (patience > 0) return patience
  const starved = all.length > 0 && fastest >= next.visible
  return starved || !window.wouldDrop(fastest, next.incoming) ? 0 : Infinity
}
