import { encode } from '@ipld/dag-cbor'
import { varint } from 'multiformats'
import type { CID } from 'multiformats/cid'
import { Failure } from '../../errors.ts'

/** A block that is written when its turn comes. */
export interface BlockToWrite {
  readonly cid: CID
  /** Bytes. */
  readonly size: number
  /** Its bytes, in pieces that are valid until the next is asked for. */
  read(): AsyncIterable<Uint8Array>
}

/** Bytes of small things that are put together before they are handed on. */
const JOINED = 64 * 1024

/**
 * A CARv1 (ipld.io/specs/transport/car/carv1) of the blocks as they come, in pieces that are valid until the next is
 * asked for. Small blocks are put together; large ones pass through uncopied.
 *
 * @throws what the blocks throw; what was yielded until then is a CAR that is cut
 */
export async function* carBytes(
  roots: readonly CID[],
  blocks: AsyncIterable<BlockToWrite>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const joined = Buffer.allocUnsafeSlow(JOINED)
  let filled = carHeader(roots).copy(joined)
  for await (const block of blocks) {
    const head = sectionHead(block.cid, block.size)
    if (filled + head.byteLength > JOINED) {
      yield joined.subarray(0, filled)
      filled = 0
    }
    filled += head.copy(joined, filled)
    let left = block.size
    for await (const piece of block.read()) {
      left -= piece.byteLength
      if (filled + piece.byteLength <= JOINED) {
        joined.set(piece, filled)
        filled += piece.byteLength
        continue
      }
      if (filled > 0) yield joined.subarray(0, filled)
      filled = 0
      yield piece
    }
    if (left !== 0) throw new Failure('STORE_FAILED', `block ${block.cid.toString()} is ${left} bytes short`)
  }
  if (filled > 0) yield joined.subarray(0, filled)
}

function carHeader(roots: readonly CID[]): Buffer {
  const header = encode({ version: 1, roots: [...roots] })
  return Buffer.concat([lengthPrefix(header.byteLength), header])
}

function sectionHead(cid: CID, size: number): Buffer {
  return Buffer.concat([lengthPrefix(cid.bytes.byteLength + size), cid.bytes])
}

function lengthPrefix(length: number): Uint8Array {
  return varint.encodeTo(length, new Uint8Array(varint.encodingLength(length)))
}
