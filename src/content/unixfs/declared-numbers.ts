import { varint } from 'multiformats'

/** Field numbers and wire types of the UnixFS `Data` message (protobuf). */
const FILE_SIZE = 3
const HASH_TYPE = 5
const VARINT = 0
const BYTES = 2

export interface DeclaredNumbers {
  /** Bytes of the file below the node. */
  readonly fileSize?: number
  /** Multihash code of the hash by which a directory is sharded. */
  readonly hashType?: number
}

/**
 * Numbers that a UnixFS node states of itself and that the decoder of `ipfs-unixfs` leaves out.
 *
 * @param message a `Data` message that has been decoded before, so that its form is known to be sound
 * @throws RangeError when a number is not written in its shortest form
 */
export function declaredNumbers(message: Uint8Array): DeclaredNumbers {
  const found: { fileSize?: number; hashType?: number } = {}
  let at = 0
  const number = (): number => {
    const [value, length] = varint.decode(message, at)
    at += length
    return value
  }
  while (at < message.byteLength) {
    const key = number()
    const wire = key & 7
    if (wire === BYTES) {
      const length = number()
      at += length
    } else if (wire === VARINT) {
      const value = number()
      if (key >> 3 === FILE_SIZE) found.fileSize = value
      if (key >> 3 === HASH_TYPE) found.hashType = value
    } else {
      break
    }
  }
  return found
}
