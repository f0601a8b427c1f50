import { Failure } from '../errors.ts'

/** The first byte and the length, both in bytes, of a part of an upload. */
export interface PartRange {
  readonly start: number
  readonly length: number
}

/**
 * The `Content-Range` of a part of an upload, which is not that of RFC 9110: `<first>-<last>`, without a unit
 * (distribution-spec, "Pushing a blob in chunks").
 *
 * @param length bytes of the body; undefined where the client does not say
 * @throws Failure CHUNK_INVALID
 */
export function parseContentRange(
  header: string | undefined,
  length: number | undefined,
): PartRange | undefined {
  if (header === undefined) return undefined
  const [, first = '', last = ''] = /^(\d{1,15})-(\d{1,15})$/.exec(header) ?? []
  const shown = `Content-Range "${header.slice(0, 100)}"`
  if (first === '' || Number(last) < Number(first)) {
    throw new Failure('CHUNK_INVALID', `${shown} is not of the form <first>-<last>, as 0-1048575`)
  }
  const announced = Number(last) - Number(first) + 1
  if (length !== undefined && length !== announced) {
    throw new Failure('CHUNK_INVALID', `${shown} is ${announced} bytes, but Content-Length says ${length}`)
  }
  return { start: Number(first), length: announced }
}
