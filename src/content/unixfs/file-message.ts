import { varint } from 'multiformats'

/** Keys of the fields of the UnixFS `Data` message: number and wire type (protobuf). */
const TYPE = 0x08
const FILE_SIZE = 0x18
const BLOCK_SIZES = 0x20

/** `File` among the types of UnixFS nodes. */
const FILE = 2

/**
 * The UnixFS message of a file's inner node, which has children and no data of its own. What `ipfs-unixfs` makes is
 * the same, except for sizes from 2 GiB to 4 GiB, which it garbles.
 *
 * @param sizes bytes of the file below each child
 */
export function encodeFileMessage(sizes: readonly number[]): Uint8Array {
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const fields = [[FILE_SIZE, total] as const, ...sizes.map((size) => [BLOCK_SIZES, size] as const)]
  const length = fields.reduce((sum, [, value]) => sum + 1 + varint.encodingLength(value), 2)
  const message = new Uint8Array(length)
  message.set([TYPE, FILE])
  let at = 2
  for (const [key, value] of fields) {
    message[at] = key
    varint.encodeTo(value, message, at + 1)
    at += 1 + varint.encodingLength(value)
  }
  return message
}
