import type { ByteRange } from '../content/source.ts'
import { Failure } from '../errors.ts'

const SYNTAX = /^(-?\d{1,18}):(\*|-?\d{1,18})$/

/**
 * An `entity-bytes` parameter (trustless gateway specification; IPIP-0402): `from:to`, both inclusive, `*` for the end
 * of the file, negative numbers counted from the end.
 *
 * @returns the part of a file of `size` bytes that is wanted; an empty one when there is none
 * @throws Failure REQUEST_INVALID when it is malformed
 */
export function parseEntityBytes(text: string): (size: number) => ByteRange {
  const [, from, to] = SYNTAX.exec(text) ?? []
  if (from === undefined || to === undefined) {
    throw new Failure('REQUEST_INVALID', 'entity-bytes is from:to, as 0:1023, 1024:* or -512:*')
  }
  return (size) => {
    const start = Math.max(0, fromEnd(Number(from), size))
    const end = to === '*' ? size : Math.min(size, fromEnd(Number(to), size) + 1)
    return { start, end: Math.max(start, end) }
  }
}

function fromEnd(position: number, size: number): number {
  return position < 0 ? size + position : position
}
