// Times of a status.

/** Of ms since the epoch. */
export function isoOf(time: number): string
export function isoOf(time: number | undefined): string | null
export function isoOf(time: number | undefined): string | null {
  return time === undefined ? null : new Date(time).toISOString()
}

/** Of two times in ms; clocks that were set back make it no less than 0. */
export function secondsBetween(from: number, to: number): number {
  return Math.max(0, Math.round((to - from) / 1000))
}
