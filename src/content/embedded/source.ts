import type { CID } from 'multiformats/cid'
import type { DiskBlobs } from '../../cache/disk-blobs.ts'
import { Failure } from '../../errors.ts'
import { inlineBytes } from '../../verify/block.ts'
import { formatContentPath } from '../source.ts'
import type { ContentPath, ContentSource, OpenedFile, OpenOptions } from '../source.ts'
import type { BlockReader } from '../unixfs/blocks.ts'
import { directoryEntries, directoryRoot, isDirectory, takeEntries } from '../unixfs/directory.ts'
import { clampRange, fileBytes, fileRoot } from '../unixfs/file.ts'
import { decodeNode, RAW } from '../unixfs/node.ts'
import { resolvePath } from '../unixfs/path.ts'
import type { BlockTable } from './block-table.ts'

/** The embedded store's own name among the sources. */
export const EMBEDDED = 'embedded'

export interface EmbeddedStore {
  readonly blobs: DiskBlobs
  readonly table: BlockTable
}

/** The store on disk as a source: it can prove every path below the roots that were published to it. */
export function createEmbeddedSource(store: EmbeddedStore): ContentSource {
  const blocks = storedBlocks(store)
  return {
    name: EMBEDDED,
    proof: 'blocks',
    async stat(path, { signal }) {
      const { cid } = await resolvePath(blocks, path, { signal })
      const file = await store.table.file(cid)
      if (file !== undefined) return { kind: 'file', size: file.size, cid, proof: 'blocks' }
      const bytes = await blocks.get(cid, { signal })
      if (isDirectory(decodeNode(cid, bytes))) return { kind: 'directory', size: 0, cid, proof: 'blocks' }
      return {
        kind: 'file',
        size: fileRoot(cid, bytes, formatContentPath(path)).node.size,
        cid,
        proof: 'blocks',
      }
    },
    open: (path, options) => open(store, blocks, path, options),
    async list(path, { limit, signal }) {
      const { cid } = await resolvePath(blocks, path, { signal })
      const root = directoryRoot(cid, await blocks.get(cid, { signal }), formatContentPath(path))
      return takeEntries(directoryEntries(blocks, root, { signal, readAhead: 4 }), limit)
    },
    healthy: () => Promise.resolve(true),
  }
}

async function open(
  store: EmbeddedStore,
  blocks: BlockReader,
  path: ContentPath,
  { range, signal }: OpenOptions,
): Promise<OpenedFile> {
  const { cid } = await resolvePath(blocks, path, { signal })
  const opened = { cid, proof: 'blocks' as const, source: EMBEDDED, discredit: () => undefined }
  const file = await store.table.file(cid)
  const stored = file === undefined ? undefined : await store.blobs.open(file.digest)
  if (stored !== undefined) {
    const { start, end } = clampRange(range, stored.size)
    return { ...opened, size: stored.size, body: stored.read(start, end) }
  }
  const root = fileRoot(cid, await blocks.get(cid, { signal }), formatContentPath(path))
  const { size } = root.node
  return { ...opened, size, body: fileBytes(blocks, root, clampRange(range, size), { signal, readAhead: 4 }) }
}

function storedBlocks({ blobs, table }: EmbeddedStore): BlockReader {
  return {
    async get(cid) {
      const inline = inlineBytes(cid)
      if (inline !== undefined) return inline
      const place = await table.place(cid)
      if (place?.kind === 'inline') return place.bytes
      const blob = place === undefined ? undefined : await blobs.open(place.digest)
      if (place === undefined || blob === undefined) throw notHeld(cid)
      const pieces: Uint8Array[] = []
      for await (const piece of blob.read(place.offset, place.offset + place.length))
        pieces.push(new Uint8Array(piece))
      return Buffer.concat(pieces)
    },
  }
}

/** Of the absence of a block nothing follows for the path: another source may have it. */
function notHeld(cid: CID): Failure {
  const what = cid.code === RAW ? 'the file' : 'the block'
  return new Failure('CONTENT_UNAVAILABLE', `${what} ${cid.toString()} is not in the embedded store`)
}
