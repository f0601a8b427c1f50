import type { BlockReader } from '../content/unixfs/blocks.ts'
import { fileRoot } from '../content/unixfs/file.ts'
import { RAW } from '../content/unixfs/node.ts'
import { IndexDocument } from '../layout/index-document.ts'
import type { AddedFile } from '../publish/target.ts'
import type { Digest } from '../reference/digest.ts'
import { blobPath, folderOf } from './repository-path.ts'
import type { Edit, TreeLink, TreePath, TreeView } from './root-tree.ts'

/** Bytes of an index.json: that of some 50 000 tags. */
const MAX_INDEX = 16 * 1024 * 1024

const LAYOUT_FILE = Buffer.from(JSON.stringify({ imageLayoutVersion: '1.0.0' }))

/** The layout of one repository in a root, at one moment: what it holds, and what changes would be to it. */
export class RepositoryFolder {
  readonly path: TreePath
  readonly #tree: TreeView
  readonly #blocks: BlockReader

  /** @throws Failure NAME_INVALID for a name that is part of a layout */
  constructor(repository: string, tree: TreeView, blocks: BlockReader) {
    this.path = folderOf(repository)
    this.#tree = tree
    this.#blocks = blocks
  }

  /** The folder, where it holds a layout. */
  async link(signal: AbortSignal): Promise<TreeLink | undefined> {
    const index = await this.#tree.link([...this.path, 'index.json'], signal)
    return index === undefined ? undefined : this.#tree.link(this.path, signal)
  }

  /** Undefined where there is no layout. */
  async index(signal: AbortSignal): Promise<IndexDocument | undefined> {
    const bytes = await this.#tree.file([...this.path, 'index.json'], MAX_INDEX, signal)
    return bytes === undefined ? undefined : IndexDocument.parse(bytes)
  }

  /** A blob of its own `blobs` folder; undefined where it has none of this digest. */
  async blob(digest: Digest, signal: AbortSignal): Promise<AddedFile | undefined> {
    const path = blobPath(this.path, digest)
    const link = await this.#tree.link(path, signal)
    if (link === undefined) return undefined
    if (link.cid.code === RAW) return { ...link, size: link.dagSize }
    const bytes = await this.#blocks.get(link.cid, { signal })
    return { ...link, size: fileRoot(link.cid, bytes, path.join('/')).node.size }
  }

  /** The bytes of a blob; undefined where it has none of this digest. @throws Failure CONTENT_TOO_LARGE beyond `limit` bytes */
  smallBlob(digest: Digest, limit: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#tree.file(blobPath(this.path, digest), limit, signal)
  }

  blobAdded(digest: Digest, link: TreeLink): Edit {
    return { path: blobPath(this.path, digest), link }
  }

  /** A blob that is small and in memory. */
  blobWritten(digest: Digest, bytes: Uint8Array): Edit {
    return { path: blobPath(this.path, digest), bytes }
  }

  blobRemoved(digest: Digest): Edit {
    return { path: blobPath(this.path, digest), removed: true }
  }

  indexWritten(index: IndexDocument): readonly Edit[] {
    return [
      { path: [...this.path, 'oci-layout'], bytes: LAYOUT_FILE },
      { path: [...this.path, 'index.json'], bytes: index.toBytes() },
    ]
  }
}
