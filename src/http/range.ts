import type { ServerResponse } from 'node:http'
import { Failure, isFailure } from '../errors.ts'

/** Bytes `start` up to but not including `end`. */
export interface WantedRange {
  readonly start: number
  readonly end: number
}

/** Ranges of one answer, after joining what overlaps. */
const MOST_RANGES = 256
/** A header with more is refused unread. */
const MOST_SPECS = 4096

/**
 * A `Range` header (RFC 9110, 14.1.2) against a body of `size` bytes.
 *
 * @returns undefined when the header is to be ignored (another unit, or not parsable); else one range or more, in the
 *   order asked for when they do not overlap
 * @throws Failure RANGE_INVALID (416) when no range is satisfiable or one is backwards; REQUEST_INVALID (400) when
 *   there are too many ranges
 */
export function parseRange(header: string | undefined, size: number): WantedRange[] | undefined {
  if (header === undefined) return undefined
  const match = /^\s*bytes\s*=(.*)$/i.exec(header)
  const list = match?.[1]
  if (list === undefined) return undefined
  const specs = list.split(',')
  if (specs.length > MOST_SPECS) throw new Failure('REQUEST_INVALID', `more than ${MOST_SPECS} ranges`)
  const ranges: WantedRange[] = []
  for (const spec of specs) {
    // Trimmed first: spaces that two parts of a pattern may take are tried in every way to share them.
    const parts = /^(\d*)\s*-\s*(\d*)$/.exec(spec.trim())
    const [, first = '', last = ''] = parts ?? []
    if (parts === null || (first === '' && last === '')) return undefined
    if (first !== '' && last !== '' && Number(last) < Number(first)) throw unsatisfiable(header, size)
    const range = toRange(first, last, size)
    if (range !== undefined) ranges.push(range)
  }
  if (ranges.length === 0) throw unsatisfiable(header, size)
  const joined = joinOverlapping(ranges)
  if (joined.length > MOST_RANGES) {
    throw new Failure(
      'REQUEST_INVALID',
      `${joined.length} separate ranges; at most ${MOST_RANGES} are answered at once`,
    )
  }
  return joined
}

/** {@link parseRange} for an answer, which tells the size where no range can be satisfied (RFC 9110, 14.4). */
export function rangesFor(
  res: ServerResponse,
  header: string | undefined,
  size: number,
): WantedRange[] | undefined {
  try {
    return parseRange(header, size)
  } catch (error) {
    if (isFailure(error, 'RANGE_INVALID')) res.setHeader('Content-Range', `bytes */${size}`)
    throw error
  }
}

function toRange(first: string, last: string, size: number): WantedRange | undefined {
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? undefined : { start: size - length, end: size }
  }
  const start = Number(first)
  if (start >= size) return undefined
  return { start, end: last === '' ? size : Math.min(Number(last) + 1, size) }
}

function joinOverlapping(ranges: WantedRange[]): WantedRange[] {
  const sorted = [...ranges].sort((a, b) => a.start - b.start)
  const joined: WantedRange[] = []
  for (const range of sorted) {
    const before = joined.at(-1)
    if (before !== undefined && range.start < before.end) {
      joined[joined.length - 1] = { start: before.start, end: Math.max(before.end, range.end) }
    } else joined.push(range)
  }
  return joined.length === ranges.length ? ranges : joined
}

function unsatisfiable(header: string, size: number): Failure {
  return new Failure('RANGE_INVALID', `range "${header.slice(0, 100)}" of ${size} bytes can't be satisfied`, {
    detail: { size },
  })
}
