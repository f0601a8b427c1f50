import type { CID } from 'multiformats/cid'
import type { BlockReader } from '../content/unixfs/blocks.ts'
import { directoryEntries, directoryRoot } from '../content/unixfs/directory.ts'
import { fileBytes, fileRoot } from '../content/unixfs/file.ts'
import { Failure, isFailure } from '../errors.ts'
import { buildDirectory } from '../publish/directory-tree.ts'
import type { Block } from '../publish/target.ts'
import { fileBlocks, type FileBlocks } from './file-blocks.ts'

/** What a folder links to: a file or a folder. */
export interface TreeLink {
  readonly cid: CID
  /** Bytes of all its blocks. */
  readonly dagSize: number
}

/** Names from the root downwards; none for the root itself. */
export type TreePath = readonly string[]

/** A root as it can be looked at: one version, with the changes that are being made to it. */
export interface TreeView {
  /** What is at a path; undefined where nothing is. */
  link(path: TreePath, signal: AbortSignal): Promise<TreeLink | undefined>
  /** Names in a folder; undefined where no folder is. */
  names(path: TreePath, signal: AbortSignal): Promise<readonly string[] | undefined>
  /**
   * A small file; undefined where none is.
   *
   * @throws Failure CONTENT_TOO_LARGE when it has more than `limit` bytes
   */
  file(path: TreePath, limit: number, signal: AbortSignal): Promise<Uint8Array | undefined>
}

/** A change to a tree at one path: new bytes, something that is stored already, or nothing any more. */
export type Edit =
  | { readonly path: TreePath; readonly bytes: Uint8Array }
  | { readonly path: TreePath; readonly link: TreeLink }
  | { readonly path: TreePath; readonly removed: true }

/** A folder whose entries are known; `link` as long as none of them has changed. */
interface Folder {
  readonly entries: Map<string, Entry>
  link: TreeLink | undefined
}

type Entry =
  | { readonly kind: 'stored'; readonly link: TreeLink }
  | { readonly kind: 'folder'; readonly folder: Folder }
  | { readonly kind: 'new'; readonly file: FileBlocks; readonly bytes: Uint8Array }

/** Blocks of a sharded folder that are read at once. */
const READ_AHEAD = 8

/**
 * A tree of UnixFS folders that can be changed. Folders are read when they are needed; writing it makes those anew that
 * have changed, exactly as `ipfs add -r` of the whole tree would (profile `unixfs-v1-2025`).
 */
export class RootTree implements TreeView {
  readonly #blocks: BlockReader
  readonly #root: CID | undefined
  #top: Folder | undefined

  /** @param root undefined for a tree with nothing in it */
  constructor(blocks: BlockReader, root: CID | undefined) {
    this.#blocks = blocks
    this.#root = root
  }

  async link(path: TreePath, signal: AbortSignal): Promise<TreeLink | undefined> {
    const entry = await this.#entry(path, signal)
    if (entry === undefined) return undefined
    if (entry.kind === 'stored') return entry.link
    return entry.kind === 'new' ? entry.file : entry.folder.link
  }

  async names(path: TreePath, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const folder = await this.#folder(path, signal)
    return folder === undefined ? undefined : [...folder.entries.keys()]
  }

  async file(path: TreePath, limit: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const entry = await this.#entry(path, signal)
    if (entry?.kind === 'new') return entry.bytes
    if (entry?.kind !== 'stored') return undefined
    const { cid } = entry.link
    const what = path.join('/')
    const root = fileRoot(cid, await this.#blocks.get(cid, { signal }), what)
    const { size } = root.node
    if (size > limit) throw new Failure('CONTENT_TOO_LARGE', `${what} has ${size} bytes, more than ${limit}`)
    const bytes = Buffer.alloc(size)
    let at = 0
    const range = { start: 0, end: size }
    for await (const piece of fileBytes(this.#blocks, root, range, { signal, readAhead: READ_AHEAD })) {
      bytes.set(piece, at)
      at += piece.byteLength
    }
    return bytes
  }

  /**
   * Folders on the way are made.
   *
   * @throws Failure NAME_INVALID when a file is on the way
   */
  async apply(edit: Edit, signal: AbortSignal): Promise<void> {
    const name = edit.path.at(-1)
    if (name === undefined) throw new TypeError('the root itself is no entry')
    const way = await this.#makeWay(edit.path.slice(0, -1), signal)
    const folder = way.at(-1)
    if (folder === undefined) return
    if ('removed' in edit) folder.entries.delete(name)
    else folder.entries.set(name, entryOf(edit))
    for (const changed of way) changed.link = undefined
  }

  /** Make the folders that have changed. @returns the root, and all blocks that are new, children before parents */
  async write(signal: AbortSignal): Promise<{ cid: CID; blocks: readonly Block[] }> {
    const blocks: Block[] = []
    const top = await this.#load(signal)
    const { cid } = await this.#writeFolder(top, blocks, signal)
    return { cid, blocks }
  }

  async #writeFolder(folder: Folder, blocks: Block[], signal: AbortSignal): Promise<TreeLink> {
    if (folder.link !== undefined) return folder.link
    signal.throwIfAborted()
    const children = []
    for (const [name, entry] of folder.entries) {
      if (entry.kind === 'new') {
        blocks.push(...entry.file.blocks)
        folder.entries.set(name, { kind: 'stored', link: entry.file })
      }
      const link =
        entry.kind === 'folder'
          ? await this.#writeFolder(entry.folder, blocks, signal)
          : entry.kind === 'new'
            ? entry.file
            : entry.link
      children.push({ name, cid: link.cid, dagSize: link.dagSize })
    }
    const { cid, dagSize } = await buildDirectory(children, (block) => void blocks.push(block))
    folder.link = { cid, dagSize }
    return folder.link
  }

  async #load(signal: AbortSignal): Promise<Folder> {
    if (this.#top === undefined) {
      this.#top =
        this.#root === undefined
          ? { entries: new Map(), link: undefined }
          : await this.#read({ cid: this.#root, dagSize: 0 }, '', signal)
    }
    return this.#top
  }

  async #entry(path: TreePath, signal: AbortSignal): Promise<Entry | undefined> {
    const name = path.at(-1)
    if (name === undefined) return { kind: 'folder', folder: await this.#load(signal) }
    return (await this.#folder(path.slice(0, -1), signal))?.entries.get(name)
  }

  async #folder(path: TreePath, signal: AbortSignal): Promise<Folder | undefined> {
    let folder = await this.#load(signal)
    for (const [depth, name] of path.entries()) {
      const next = await this.#open(folder, name, path.slice(0, depth + 1), signal)
      if (next === undefined) return undefined
      folder = next
    }
    return folder
  }

  async #makeWay(path: TreePath, signal: AbortSignal): Promise<Folder[]> {
    let folder = await this.#load(signal)
    const way = [folder]
    for (const [depth, name] of path.entries()) {
      const so = path.slice(0, depth + 1)
      let next = await this.#open(folder, name, so, signal)
      if (next === undefined) {
        if (folder.entries.has(name)) {
          throw new Failure('NAME_INVALID', `"${so.join('/')}" is a file in this root, not a folder`)
        }
        next = { entries: new Map(), link: undefined }
        folder.entries.set(name, { kind: 'folder', folder: next })
      }
      way.push(next)
      folder = next
    }
    return way
  }

  /** The folder of that name; undefined where there is none, or a file. */
  async #open(
    folder: Folder,
    name: string,
    path: TreePath,
    signal: AbortSignal,
  ): Promise<Folder | undefined> {
    const entry = folder.entries.get(name)
    if (entry?.kind === 'folder') return entry.folder
    if (entry?.kind !== 'stored') return undefined
    try {
      const opened = await this.#read(entry.link, path.join('/'), signal)
      // Somebody else may have opened it in the meantime, and changed it.
      const now = folder.entries.get(name)
      if (now?.kind === 'folder') return now.folder
      if (now === entry) folder.entries.set(name, { kind: 'folder', folder: opened })
      return opened
    } catch (error) {
      if (isFailure(error, 'CONTENT_NOT_FOUND')) return undefined
      throw error
    }
  }

  async #read(link: TreeLink, what: string, signal: AbortSignal): Promise<Folder> {
    const root = directoryRoot(link.cid, await this.#blocks.get(link.cid, { signal }), what)
    const entries = new Map<string, Entry>()
    for await (const { name, cid, dagSize } of directoryEntries(this.#blocks, root, {
      signal,
      readAhead: READ_AHEAD,
    })) {
      entries.set(name, { kind: 'stored', link: { cid, dagSize } })
    }
    return { entries, link }
  }
}

function entryOf(edit: Exclude<Edit, { removed: true }>): Entry {
  if ('link' in edit) return { kind: 'stored', link: edit.link }
  return { kind: 'new', file: fileBlocks(edit.bytes), bytes: edit.bytes }
}
