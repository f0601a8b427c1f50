import type { Slots } from '../limited.ts'
import type { BlockReader } from '../unixfs/blocks.ts'

/** At most so many blocks of a source at once. */
export function limitedBlocks(blocks: BlockReader, slots: Slots): BlockReader {
  return {
    async get(cid, { signal }) {
      const release = await slots.take(signal)
      try {
        return await blocks.get(cid, { signal })
      } finally {
        release()
      }
    },
  }
}
