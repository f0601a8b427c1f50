import { Failure } from '../../errors.ts'
import { type ByteRange, clampRange } from '../source.ts'
import type { Count } from './counted-body.ts'
import { type Answer, headerOf } from './exchange.ts'

/*
 * A part of a file over HTTP (RFC 9110, section 14): what to ask, and what the head of the answer says of it.
 */

/** `Range` for a part of a file, nothing for the whole of it. */
export function rangeHeader(range: ByteRange | undefined): Record<string, string> {
  if (range === undefined) return {}
  // A range of no bytes can't be said; the file's size is wanted all the same.
  const last = Math.max(range.end - 1, range.start)
  return { range: `bytes=${range.start}-${last >= Number.MAX_SAFE_INTEGER - 1 ? '' : last}` }
}

/** Bytes of the whole file: `Content-Length` of a 200, the total of `Content-Range` of a 206 or 416. */
export function sizeOf(answer: Answer): number | undefined {
  const text =
    answer.status === 200
      ? headerOf(answer, 'content-length')
      : (/\/(\d+)$/.exec(headerOf(answer, 'content-range'))?.[1] ?? '')
  const size = /^\d+$/.test(text) ? Number(text) : NaN
  return Number.isSafeInteger(size) ? size : undefined
}

/**
 * Which bytes of the answer's body are those of the range.
 *
 * @param size bytes of the whole file
 * @param names the source, and what is read
 * @throws Failure CONTENT_INVALID when the answer is about another part of the file
 */
export function countOf(
  answer: Answer,
  range: ByteRange | undefined,
  size: number,
  names: { readonly name: string; readonly what: string },
): Count {
  const { start, end } = clampRange(range, size)
  const skip = start - startOf(answer, size)
  if (!(skip >= 0)) {
    throw new Failure('CONTENT_INVALID', `${names.name} answers with another range of ${names.what}`)
  }
  return {
    skip,
    length: end - start,
    // Who knows no ranges sends the rest of the file too, which is not waited for.
    rest: answer.status === 200 && end < size ? Infinity : 0,
    ...names,
  }
}

/** First byte of the answer's body; NaN where a 206 does not say, or where a 416 refuses what is there. */
function startOf(answer: Answer, size: number): number {
  if (answer.status === 200) return 0
  const range = headerOf(answer, 'content-range')
  if (answer.status === 206) return Number(/^bytes (\d+)-\d+\//.exec(range)?.[1])
  return size
}
