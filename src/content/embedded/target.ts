import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import { ChunkSums } from '../../cache/chunk-sums.ts'
import type { DiskBlobs } from '../../cache/disk-blobs.ts'
import { Failure } from '../../errors.ts'
import type { AddedFile, Block, FileToAdd, PublishTarget } from '../../publish/target.ts'
import { algorithmOf, digestOf } from '../../reference/digest.ts'
import { FileDagBuilder, type FileLeaf } from '../unixfs/file-dag.ts'
import type { BlockTable } from './block-table.ts'

/** Publishes into the embedded store: one file on disk for each blob, its blocks as ranges of it. */
export function createEmbeddedTarget(store: { blobs: DiskBlobs; table: BlockTable }): PublishTarget {
  return {
    name: 'embedded',
    addFile: (file, options) => addFile(store, file, options),
    putBlocks: (blocks: Iterable<Block>) => store.table.putBlocks(blocks),
    pin: (root, { label }) => store.table.pin(root, label),
  }
}

async function addFile(
  store: { blobs: DiskBlobs; table: BlockTable },
  file: FileToAdd,
  options: { signal: AbortSignal; onBytes?: (count: number) => void },
): Promise<AddedFile> {
  const known = await alreadyStored(store, file)
  if (known !== undefined) {
    options.onBytes?.(file.size)
    return known
  }
  const spool = await store.blobs.createSpool()
  try {
    const leaves: FileLeaf[] = []
    const dagBuilder = new FileDagBuilder({ onLeaf: (leaf) => leaves.push(leaf) })
    const algorithm = file.digest === undefined ? 'sha256' : algorithmOf(file.digest)
    const hash = createHash(algorithm)
    const sums = new ChunkSums()
    for await (const piece of file.open(options.signal)) {
      options.signal.throwIfAborted()
      hash.update(piece)
      dagBuilder.write(piece)
      sums.update(piece)
      await spool.append(piece)
      options.onBytes?.(piece.length)
    }
    const dag = dagBuilder.finish()
    const digest = digestOf(algorithm, hash.digest('hex'))
    if (dag.size !== file.size || (file.digest !== undefined && file.digest !== digest)) {
      throw new Failure('LAYOUT_INVALID', `${file.digest ?? 'a file'} changed while it was read`)
    }
    await store.blobs.commit(spool, { digest, size: dag.size, sums: sums.finish(), published: true })
    const record = { digest, size: dag.size, dagSize: dag.dagSize }
    await store.table.putFile(dag.cid, record, dag.innerBlocks, leaves)
    return { cid: dag.cid, size: dag.size, dagSize: dag.dagSize }
  } catch (error) {
    await spool.discard()
    throw error
  } finally {
    await spool.close()
  }
}

/** What was published before is not written again. */
async function alreadyStored(
  store: { blobs: DiskBlobs; table: BlockTable },
  file: FileToAdd,
): Promise<AddedFile | undefined> {
  if (file.digest === undefined || store.blobs.sizeOf(file.digest) !== file.size) return undefined
  const text = await store.table.fileOf(file.digest)
  const cid = text === undefined ? undefined : CID.parse(text)
  const record = cid === undefined ? undefined : await store.table.file(cid)
  if (cid === undefined || record === undefined) return undefined
  await store.blobs.publish(file.digest)
  return { cid, size: record.size, dagSize: record.dagSize }
}
