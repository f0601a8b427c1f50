import type { CID } from 'multiformats/cid'
import type { DiskBlobs } from '../../cache/disk-blobs.ts'
import type { Metadata } from '../../cache/metadata.ts'
import { SharedLock } from '../../cache/shared-lock.ts'
import type { BlockTable } from '../../content/embedded/block-table.ts'
import { heldBlocks } from '../../content/embedded/held-blocks.ts'
import type { BlockReader } from '../../content/unixfs/blocks.ts'
import type { Marks } from './marks.ts'

export interface EmbeddedStore {
  readonly metadata: Metadata
  readonly blobs: DiskBlobs
  readonly table: BlockTable
}

/** The store on disk, and how those who keep content in it and those who remove it agree. */
export class KeptContent {
  readonly metadata: Metadata
  readonly blobs: DiskBlobs
  readonly table: BlockTable
  readonly blocks: BlockReader
  /**
   * Shared by changes that make content kept, from the look whether it is there until the record is written. A step of
   * garbage collection takes it alone.
   */
  readonly changes = new SharedLock()
  /** What is needed, while garbage is being collected. */
  marks: Marks | undefined

  constructor({ metadata, blobs, table }: EmbeddedStore) {
    this.metadata = metadata
    this.blobs = blobs
    this.table = table
    const held = heldBlocks(blobs, [table])
    this.blocks = {
      async get(cid, options) {
        const reader = held.reader()
        try {
          return await reader.get(cid, options)
        } finally {
          await reader.close()
        }
      },
    }
  }

  /** All below this CID is kept from now on. Call while {@link changes} is shared. */
  async kept(cid: CID): Promise<void> {
    await this.marks?.addLate(cid)
  }
}
