import { createHash } from 'node:crypto'
import type { CID } from 'multiformats/cid'
import { ChunkSums } from '../../../cache/chunk-sums.ts'
import type { DiskBlobs } from '../../../cache/disk-blobs.ts'
import { digestOf, type Digest } from '../../../reference/digest.ts'
import { inlineBytes } from '../../../verify/block.ts'
import type { NotedLeaf } from '../../dag/block-notes.ts'
import type { BlockTable, FileRecord } from '../block-table.ts'
import { partsOf, type FilePart } from './file-parts.ts'
import type { NumberSet } from './number-set.ts'
import type { StagedBlocks } from './staged-blocks.ts'

/** Leaves written down at once. */
const LEAVES = 1000

export interface AssembleOptions {
  /** Gets the numbers of the leaves that are ranges of the blob now. */
  readonly placed: NumberSet
  /** Keeps the blob from being evicted before it is pinned. */
  readonly hold: (digest: Digest) => void
  readonly onBytes: (count: number) => void
}

/**
 * Make a file one blob, with its leaves as ranges of it. Its inner nodes stay where they are.
 *
 * @throws Failure CONTENT_NOT_FOUND when it is no sound file, CONTENT_UNAVAILABLE when a block is missing; nothing is
 *   stored then
 */
export async function assemble(
  store: { readonly blobs: DiskBlobs; readonly table: BlockTable },
  blocks: StagedBlocks,
  cid: CID,
  options: AssembleOptions,
): Promise<void> {
  const record = await writeBlob(store.blobs, blocks, cid, options)
  let leaves: NotedLeaf[] = []
  const writeLeaves = async (): Promise<void> => {
    await store.table.putLeaves(record.digest, leaves)
    leaves = []
  }
  // A second time, since a leaf is written down with the digest of the whole, and there may be millions.
  for await (const part of partsOf(blocks, cid)) {
    const leaf = leafOf(part)
    if (leaf === undefined) continue
    leaves.push(leaf)
    options.placed.add(part.block.number)
    if (leaves.length === LEAVES) await writeLeaves()
  }
  await writeLeaves()
  await store.table.putFile(cid, record, [], { published: false })
}

async function writeBlob(
  blobs: DiskBlobs,
  blocks: StagedBlocks,
  cid: CID,
  { hold, onBytes }: AssembleOptions,
): Promise<FileRecord> {
  const spool = await blobs.createSpool()
  try {
    const hash = createHash('sha256')
    const sums = new ChunkSums()
    let size = 0
    let dagSize = 0
    for await (const part of partsOf(blocks, cid)) {
      dagSize += part.block.size
      if (part.length === 0) continue
      const bytes = part.node?.data ?? (await blocks.read(part.cid, part.block))
      hash.update(bytes)
      sums.update(bytes)
      await spool.append(bytes)
      size += bytes.byteLength
      onBytes(bytes.byteLength)
    }
    const digest = digestOf('sha256', hash.digest('hex'))
    hold(digest)
    await blobs.commit(spool, { digest, size, sums: sums.finish() })
    return { digest, size, dagSize }
  } catch (error) {
    await spool.discard()
    throw error
  } finally {
    await spool.close()
  }
}

/** A block that has content, as a range of the file; undefined for what has to be kept by value. */
function leafOf({ cid, offset, length, node }: FilePart): NotedLeaf | undefined {
  if (length === 0 || inlineBytes(cid) !== undefined) return undefined
  if (node === undefined) return { cid, offset, length }
  const bytes = Buffer.from(node.bytes.buffer, node.bytes.byteOffset, node.bytes.byteLength)
  // Wherever it is found: what stands around it makes the block whole again.
  const at = bytes.indexOf(node.data)
  if (at === -1) return undefined
  // Copies, which do not hold the block.
  const wrap = {
    prefix: Uint8Array.from(bytes.subarray(0, at)),
    suffix: Uint8Array.from(bytes.subarray(at + length)),
  }
  return { cid, offset, length, wrap }
}
