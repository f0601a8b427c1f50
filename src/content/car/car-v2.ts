import type { Failure } from '../../errors.ts'
import { ByteTaker } from './byte-source.ts'

/** First bytes of every CARv2 (ipld.io/specs/transport/car/carv2, "Pragma"), after their length. */
export const CARV2_PRAGMA = Buffer.from('a16776657273696f6e02', 'hex')

const PRAGMA_BYTES = 1 + CARV2_PRAGMA.byteLength
const HEADER_BYTES = 40

/**
 * The CARv1 within a CARv2 whose pragma has been taken (carv2, "Header"). What stands between, and the index behind it,
 * is passed over: blocks are held to their CIDs, so that an index could only be wrong.
 *
 * @param say makes the errors to throw
 */
export async function enterPayload(
  bytes: ByteTaker,
  say: { invalid: (why: string) => Failure; cut: (where: string) => Failure },
): Promise<ByteTaker> {
  const taken = await bytes.take(HEADER_BYTES)
  if (taken === undefined) throw say.cut('in its header')
  const header = Buffer.from(taken.buffer, taken.byteOffset, taken.byteLength)
  // After 16 bytes of characteristics.
  const offset = Number(header.readBigUInt64LE(16))
  const size = Number(header.readBigUInt64LE(24))
  const gap = offset - PRAGMA_BYTES - HEADER_BYTES
  if (gap < 0 || !Number.isSafeInteger(offset + size)) {
    throw say.invalid(`its CARv1 can't have ${size} bytes at ${offset}`)
  }
  for (let left = gap; left > 0;) {
    const piece = await bytes.next(left)
    if (piece === undefined) throw say.cut('before its CARv1')
    left -= piece.byteLength
  }
  let left = size
  return new ByteTaker({
    async read() {
      if (left === 0) return undefined
      const piece = await bytes.next(left)
      if (piece === undefined) throw say.cut(`${left} bytes before the end of its CARv1`)
      left -= piece.byteLength
      return piece
    },
  })
}
