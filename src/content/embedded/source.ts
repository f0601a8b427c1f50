import type { DiskBlobs } from '../../cache/disk-blobs.ts'
import { closableBody } from '../closable-body.ts'
import type { HeldBlockReader, HeldBlocks } from '../dag/held-blocks.ts'
import { clampRange, formatContentPath } from '../source.ts'
import type { ContentPath, ContentSource, ContentStat, OpenedFile, OpenOptions } from '../source.ts'
import { directoryEntries, directoryRoot, isDirectory, takeEntries } from '../unixfs/directory.ts'
import { fileBytes, fileRoot } from '../unixfs/file.ts'
import { decodeNode } from '../unixfs/node.ts'
import { resolvePath } from '../unixfs/path.ts'
import type { BlockTable } from './block-table.ts'
import { heldBlocks } from './held-blocks.ts'

/** The embedded store's own name among the sources. */
export const EMBEDDED = 'embedded'

export interface EmbeddedStore {
  readonly blobs: DiskBlobs
  readonly table: BlockTable
}

/** The store on disk as a source: it can prove every path below the roots that were published to it. */
export function createEmbeddedSource(store: EmbeddedStore): ContentSource {
  const held = heldBlocks(store.blobs, [store.table])
  return {
    name: EMBEDDED,
    proof: 'blocks',
    stat: (path, { signal }) => reading(held, (blocks) => stat(store, blocks, path, signal)),
    open: (path, options) => open(store, held, path, options),
    list: (path, { limit, signal }) =>
      reading(held, async (blocks) => {
        const { cid } = await resolvePath(blocks, path, { signal })
        const root = directoryRoot(cid, await blocks.get(cid, { signal }), formatContentPath(path))
        return takeEntries(directoryEntries(blocks, root, { signal, readAhead: 1 }), limit)
      }),
    healthy: () => Promise.resolve(true),
  }
}

async function reading<T>(held: HeldBlocks, use: (blocks: HeldBlockReader) => Promise<T>): Promise<T> {
  const blocks = held.reader()
  try {
    return await use(blocks)
  } finally {
    await blocks.close()
  }
}

async function stat(
  store: EmbeddedStore,
  blocks: HeldBlockReader,
  path: ContentPath,
  signal: AbortSignal,
): Promise<ContentStat> {
  const { cid } = await resolvePath(blocks, path, { signal })
  const found = { cid, proof: 'blocks' as const }
  const file = await store.table.file(cid)
  if (file !== undefined) return { ...found, kind: 'file', size: file.size }
  const bytes = await blocks.get(cid, { signal })
  if (isDirectory(decodeNode(cid, bytes))) return { ...found, kind: 'directory', size: 0 }
  return { ...found, kind: 'file', size: fileRoot(cid, bytes, formatContentPath(path)).node.size }
}

async function open(
  store: EmbeddedStore,
  held: HeldBlocks,
  path: ContentPath,
  { range, signal }: OpenOptions,
): Promise<OpenedFile> {
  const blocks = held.reader()
  try {
    const { cid } = await resolvePath(blocks, path, { signal })
    const opened = { cid, proof: 'blocks' as const, source: EMBEDDED, discredit: () => undefined }
    const file = await store.table.file(cid)
    const stored = file === undefined ? undefined : await store.blobs.open(file.digest)
    if (stored !== undefined) {
      const { start, end } = clampRange(range, stored.size)
      await blocks.close()
      return { ...opened, size: stored.size, body: stored.read(start, end) }
    }
    const root = fileRoot(cid, await blocks.get(cid, { signal }), formatContentPath(path))
    const { size } = root.node
    const body = fileBytes(blocks, root, clampRange(range, size), { signal, readAhead: 1 })
    return { ...opened, size, body: closableBody(body, () => void blocks.close()) }
  } catch (error) {
    await blocks.close()
    throw error
  }
}
