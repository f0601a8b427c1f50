import { CID } from 'multiformats/cid'
import { BufferPool } from '../../cache/buffer-pool.ts'
import type { DiskBlobs } from '../../cache/disk-blobs.ts'
import { writeInTurns } from '../../cache/in-turns.ts'
import type { OpenSums } from '../../cache/stream-sums.ts'
import { Failure } from '../../errors.ts'
import type { AddedFile, FileToAdd, PublishTarget } from '../../publish/target.ts'
import { algorithmOf, type Digest } from '../../reference/digest.ts'
import type { BlockTable } from './block-table.ts'
import { IncomingFile } from './incoming-file.ts'
import { EMBEDDED } from './source.ts'

interface EmbeddedStore {
  readonly blobs: DiskBlobs
  readonly table: BlockTable
  /** What hashes the files. Default: this thread. */
  readonly openSums?: OpenSums | undefined
}

/** Bytes of the buffers that large files go through. */
const BUFFERS = { large: 512 * 1024, small: 64 * 1024, limit: 4 * 1024 * 1024 }

/**
 * Publishes into the embedded store: one file on disk for each blob, its blocks as ranges of it. Until they are pinned
 * the blobs are those of a cache, so that what is left of a publishing that was broken off goes when room is needed.
 */
export function createEmbeddedTarget(store: EmbeddedStore): PublishTarget {
  const pool = new BufferPool(BUFFERS)
  const holds = new Map<Digest, () => void>()
  const hold = (digest: Digest): void => {
    if (!holds.has(digest)) holds.set(digest, store.blobs.hold(digest))
  }
  let writing: Promise<() => void> | undefined
  const begin = async (signal: AbortSignal): Promise<void> => {
    await (writing ??= store.table.writing.take('shared', signal))
  }
  return {
    name: EMBEDDED,
    async addFile(file, options) {
      await begin(options.signal)
      return addFile(store, file, { ...options, hold, pool })
    },
    async putBlocks(blocks, { signal }) {
      await begin(signal)
      await store.table.putBlocks(blocks)
    },
    async pin(root, { label }) {
      await store.blobs.publish(holds.keys())
      await store.table.pin(root, label)
    },
    release() {
      for (const end of holds.values()) end()
      holds.clear()
      void writing?.then(
        (end) => end(),
        () => undefined,
      )
      writing = undefined
    },
  }
}

interface AddOptions {
  readonly signal: AbortSignal
  readonly onBytes?: (count: number) => void
  /** Keeps a blob from being evicted before it is pinned. */
  readonly hold: (digest: Digest) => void
  readonly pool: BufferPool
}

async function addFile(store: EmbeddedStore, file: FileToAdd, options: AddOptions): Promise<AddedFile> {
  const known = await alreadyStored(store, file, options)
  if (known !== undefined) {
    options.onBytes?.(file.size)
    return known
  }
  const algorithm = file.digest === undefined ? 'sha256' : algorithmOf(file.digest)
  const { blobs, openSums } = store
  const incoming = await IncomingFile.create(blobs, {
    algorithm,
    size: file.size,
    ...(openSums === undefined ? {} : { openSums }),
  })
  try {
    const pieces = piecesOf(file, options)
    if (file.size <= BUFFERS.large) for await (const piece of pieces) await incoming.append(piece)
    else await writeLarge(incoming, pieces, options.pool)
    const { digest, dag } = await incoming.finish()
    if (dag.size !== file.size || (file.digest !== undefined && file.digest !== digest)) {
      throw new Failure('LAYOUT_INVALID', `${file.digest ?? 'a file'} changed while it was read`)
    }
    options.hold(digest)
    return await incoming.keep(store, digest, dag)
  } finally {
    await incoming.discard()
  }
}

async function* piecesOf(file: FileToAdd, { signal, onBytes }: AddOptions): AsyncGenerator<Uint8Array> {
  for await (const piece of file.open(signal)) {
    signal.throwIfAborted()
    yield piece
    onBytes?.(piece.length)
  }
}

/** Through memory that another thread can read. */
async function writeLarge(
  incoming: IncomingFile,
  pieces: AsyncIterable<Uint8Array>,
  pool: BufferPool,
): Promise<void> {
  const buffers = [pool.take(), pool.take()] as const
  try {
    await writeInTurns(pieces, buffers, (bytes) => incoming.write(bytes))
  } finally {
    await incoming.flush().finally(() => {
      for (const buffer of buffers) pool.give(buffer)
    })
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
