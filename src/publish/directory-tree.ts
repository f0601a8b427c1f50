import { importer } from 'ipfs-unixfs-importer'
import type { InProgressImportResult, WritableStorage } from 'ipfs-unixfs-importer'
import { UnixFS } from 'ipfs-unixfs'
import type { CID } from 'multiformats/cid'
import type { AddedFile, Block } from './target.ts'

/** A stored file at its path, or a directory that is to exist even if nothing is in it. */
export type TreeEntry =
  { readonly path: string; readonly file: AddedFile } | { readonly path: string; readonly file?: undefined }

export interface BuiltTree {
  /** Root directory, dag-pb. */
  readonly root: CID
  /** Bytes of all blocks below and including the root, repeats counted. */
  readonly dagSize: number
}

interface Directory {
  readonly directories: Map<string, Directory>
  readonly files: Map<string, AddedFile>
}

/** What a directory links to. */
export interface Child {
  readonly name: string
  readonly cid: CID
  readonly dagSize: number
  readonly unixfs?: UnixFS
}

/**
 * Builds the UnixFS directories over stored files, as `ipfs add -r` does in a repository with the profile
 * `unixfs-v1-2025`, sharding the large ones. Blocks are handed out children first.
 *
 * Each directory is built by itself, after those below it: only then is the size of its links known, and with it
 * whether it has to be sharded.
 *
 * @param entries paths relative to the root, with `/` between the names
 */
export async function buildDirectoryTree(
  entries: Iterable<TreeEntry>,
  onBlock: (block: Block) => Promise<void> | void,
  signal: AbortSignal,
): Promise<BuiltTree> {
  const root = emptyDirectory()
  for (const { path, file } of entries) {
    const names = path.split('/')
    const last = file === undefined ? undefined : names.pop()
    let directory = root
    for (const name of names.filter((name) => name !== '')) {
      let next = directory.directories.get(name)
      if (next === undefined) directory.directories.set(name, (next = emptyDirectory()))
      directory = next
    }
    if (file !== undefined && last !== undefined) directory.files.set(last, file)
  }
  const { cid, dagSize } = await build(root, onBlock, signal)
  return { root: cid, dagSize }
}

function emptyDirectory(): Directory {
  return { directories: new Map(), files: new Map() }
}

async function build(
  directory: Directory,
  onBlock: (block: Block) => Promise<void> | void,
  signal: AbortSignal,
): Promise<{ cid: CID; dagSize: number }> {
  const children: Child[] = []
  for (const [name, file] of directory.files) children.push({ name, cid: file.cid, dagSize: file.dagSize })
  for (const [name, below] of directory.directories) {
    const unixfs = new UnixFS({ type: 'directory' })
    children.push({ name, ...(await build(below, onBlock, signal)), unixfs })
  }
  signal.throwIfAborted()
  return buildDirectory(children, onBlock)
}

/**
 * Builds one directory, as {@link buildDirectoryTree} does all of a tree. The importer's own tree builder makes it; the
 * children come to it as if it had just imported them.
 */
export async function buildDirectory(
  children: Iterable<Child>,
  onBlock: (block: Block) => Promise<void> | void,
): Promise<{ cid: CID; dagSize: number }> {
  const store: WritableStorage = {
    put: async (cid, bytes) => {
      if (!(bytes instanceof Uint8Array)) throw new TypeError('a directory block came as a stream')
      await onBlock({ cid, bytes })
      return cid
    },
  }
  const results = importer([], store, {
    profile: 'unixfs-v1-2025',
    wrapWithDirectory: true,
    dagBuilder: () => imported(children),
  })
  let root: { cid: CID; dagSize: number } | undefined
  for await (const { cid, size } of results) root = { cid, dagSize: Number(size) }
  if (root === undefined) throw new Error('the importer made no directory')
  return root
}

async function* imported(children: Iterable<Child>): AsyncGenerator<() => Promise<InProgressImportResult>> {
  for (const { name, cid, dagSize, unixfs } of children) {
    yield async () => ({
      path: name,
      cid,
      size: BigInt(dagSize),
      ...(unixfs === undefined ? {} : { unixfs }),
    })
  }
}
