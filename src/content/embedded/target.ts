import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import { ChunkSums } from '../../cache/chunk-sums.ts'
import type { DiskBlobs } from '../../cache/disk-blobs.ts'
import { Failure } from '../../errors.ts'
import type { AddedFile, FileToAdd, PublishTarget } from '../../publish/target.ts'
import { algorithmOf, digestOf, type Digest } from '../../reference/digest.ts'
import { FileDagBuilder, type FileLeaf } from '../unixfs/file-dag.ts'
import type { BlockTable } from './block-table.ts'
import { EMBEDDED } from './source.ts'

interface EmbeddedStore {
  readonly blobs: DiskBlobs
  readonly table: BlockTable
}

/**
 * Publishes into the embedded store: one file on disk for each blob, its blocks as ranges of it. Until they are pinned
 * the blobs are those of a cache, so that what is left of a publishing that was broken off goes when room is needed.
 */
export function createEmbeddedTarget(store: EmbeddedStore): PublishTarget {
  const holds = new Map<Digest, () => void>()
  const hold = (digest: Digest): void => {
    if (!holds.has(digest)) holds.set(digest, store.blobs.hold(digest))
  }
  return {
    name: EMBEDDED,
    addFile: (file, options) => addFile(store, file, { ...options, hold }),
    putBlocks: (blocks) => store.table.putBlocks(blocks),
    async pin(root, { label }) {
      await store.blobs.publish(holds.keys())
      await store.table.pin(root, label)
    },
    release() {
      for (const end of holds.values()) end()
      holds.clear()
    },
  }
}

interface AddOptions {
  readonly signal: AbortSignal
  readonly onBytes?: (count: number) => void
  /** Keeps a blob from being evicted before it is pinned. */
  readonly hold: (digest: Digest) => void
}

async function addFile(store: EmbeddedStore, file: FileToAdd, options: AddOptions): Promise<AddedFile> {
  const known = await alreadyStored(store, file, options)
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
    options.hold(digest)
    await store.blobs.commit(spool, { digest, size: dag.size, sums: sums.finish() })
    const record = { digest, size: dag.size, dagSize: dag.dagSize }
    await store.table.putFile(dag.cid, record, dag.innerBlocks, leaves, { published: true })
    return { cid: dag.cid, size: dag.size, dagSize: dag.dagSize }
  } catch (error) {
    await spool.discard()
    throw error
  } finally {
    await spool.close()
  }
}

/** What was stored before is not written again. */
async function alreadyStored(
  store: EmbeddedStore,
  file: FileToAdd,
  { hold }: AddOptions,
): Promise<AddedFile | undefined> {
  if (file.digest === undefined) return undefined
  hold(file.digest)
  if (store.blobs.sizeOf(file.digest) !== file.size) return undefined
  const text = await store.table.fileOf(file.digest)
  const cid = text === undefined ? undefined : CID.parse(text)
  const record = cid === undefined ? undefined : await store.table.file(cid)
  if (cid === undefined || record === undefined) return undefined
  return { cid, size: record.size, dagSize: record.dagSize }
}
