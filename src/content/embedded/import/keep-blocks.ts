import type { CID } from 'multiformats/cid'
import type { BlockTable } from '../block-table.ts'
import type { StagedBlock, StagedBlocks } from './staged-blocks.ts'

/** Blocks written at once, at most. */
const BLOCKS_PER_BATCH = 500
const BYTES_PER_BATCH = 1024 * 1024

export interface KeepOptions {
  readonly isToKeep: (block: StagedBlock) => boolean
  readonly onBytes: (count: number) => void
}

/** Keep blocks by value. */
export async function keepBlocks(
  table: BlockTable,
  blocks: StagedBlocks,
  { isToKeep, onBytes }: KeepOptions,
): Promise<void> {
  let batch: { cid: CID; bytes: Uint8Array }[] = []
  let batched = 0
  const write = async (): Promise<void> => {
    await table.putBlocks(batch)
    batch = []
    batched = 0
  }
  for await (const { cid, block } of blocks.all()) {
    if (!isToKeep(block)) continue
    batch.push({ cid, bytes: await blocks.read(cid, block) })
    batched += block.size
    onBytes(block.size)
    if (batch.length === BLOCKS_PER_BATCH || batched >= BYTES_PER_BATCH) await write()
  }
  await write()
}
