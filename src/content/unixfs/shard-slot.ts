import { murmur3128 } from '@multiformats/murmur3'

/** Bits of a name's hash that a HAMT has to use up (murmur3-x64-64). */
const HASH_BITS = 64

/** Where a name stands in a HAMT-sharded directory (UnixFS specification, "HAMTDirectory"). */
export interface SlotFinder {
  /** Prefix, as links write it, of the slot on the next level down; undefined when the hash is used up. */
  next(fanout: number): string | undefined
}

export async function slotsOf(name: string): Promise<SlotFinder> {
  const digest = await murmur3128.encode(new TextEncoder().encode(name))
  const hash = Buffer.from(digest.subarray(0, HASH_BITS / 8)).readBigUInt64BE()
  let left = HASH_BITS
  return {
    next(fanout) {
      left -= Math.log2(fanout)
      if (left < 0) return undefined
      const slot = Number((hash >> BigInt(left)) & BigInt(fanout - 1))
      return slot.toString(16).toUpperCase().padStart(prefixLength(fanout), '0')
    },
  }
}

/** Characters in front of each link's name in a shard of so many slots. */
export function prefixLength(fanout: number): number {
  return (fanout - 1).toString(16).length
}
