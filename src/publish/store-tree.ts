import { createHash } from 'node:crypto'
import type { CID } from 'multiformats/cid'
import { Failure } from '../errors.ts'
import { algorithmOf, digestOf } from '../reference/digest.ts'
import type { Digest } from '../reference/digest.ts'
import type { CheckedTree } from './check/check-tree.ts'
import { forEachConcurrently } from './concurrently.ts'
import { buildDirectoryTree } from './directory-tree.ts'
import type { TreeEntry } from './directory-tree.ts'
import { joinPath } from './source-tree.ts'
import type { SourceFile, SourceTree } from './source-tree.ts'
import type { AddedFile, Block, PublishTarget } from './target.ts'

/** Files stored at once: enough to keep a disk and a node busy while another file is hashed. */
const FILES_AT_ONCE = 4
/** Directory blocks handed to the target at once, at most. */
const BLOCKS_PER_BATCH = 64
const BYTES_PER_BATCH = 1024 * 1024

export interface StoreOptions {
  /** Folder under the root that the tree is put in, '' for the root itself. */
  readonly folder: string
  readonly signal: AbortSignal
  /** Told how many bytes of files were stored. */
  readonly onBytes: (count: number) => void
}

/**
 * Store the files of a checked tree and the directories over them.
 *
 * @returns the root directory
 * @throws Failure LAYOUT_INVALID when a file is no longer what was checked
 */
export async function storeTree(
  target: PublishTarget,
  tree: SourceTree,
  checked: CheckedTree,
  options: StoreOptions,
): Promise<CID> {
  const entries = await storeFiles(target, tree, checked, options)
  for (const path of tree.emptyDirectories) entries.push({ path: joinPath(options.folder, path) })

  let batch: Block[] = []
  let batchBytes = 0
  const flush = async () => {
    const blocks = batch
    batch = []
    batchBytes = 0
    if (blocks.length > 0) await target.putBlocks(blocks, { signal: options.signal })
  }
  const { root } = await buildDirectoryTree(
    entries,
    async (block) => {
      batch.push(block)
      batchBytes += block.bytes.length
      if (batch.length === BLOCKS_PER_BATCH || batchBytes >= BYTES_PER_BATCH) await flush()
    },
    options.signal,
  )
  await flush()
  return root
}

async function storeFiles(
  target: PublishTarget,
  tree: SourceTree,
  checked: CheckedTree,
  options: StoreOptions,
): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = []
  // a blob that several layouts hold is stored once
  const stored = new Map<Digest, Promise<AddedFile>>()
  const add = (file: SourceFile, digest: Digest | undefined, signal: AbortSignal) =>
    target.addFile(
      { size: file.size, digest, open: (signal) => file.open(signal) },
      { signal, onBytes: options.onBytes },
    )
  const storeOne = async ([path, file]: [string, SourceFile], signal: AbortSignal) => {
    const digest = checked.digests.get(path)
    let added: AddedFile
    if (digest === undefined) {
      added = await add(unchanged(tree.nameOf(path), file, checked.documents.get(path)), undefined, signal)
    } else {
      let storing = stored.get(digest)
      if (storing === undefined) stored.set(digest, (storing = add(file, digest, signal)))
      else options.onBytes(file.size)
      added = await storing
    }
    entries.push({ path: joinPath(options.folder, path), file: added })
  }
  await forEachConcurrently(tree.files, FILES_AT_ONCE, options.signal, storeOne)
  return entries
}

/** index.json and its like have no digest in their name: hold them to what was checked. */
function unchanged(name: string, file: SourceFile, digest: Digest | undefined): SourceFile {
  if (digest === undefined) return file
  return {
    ...file,
    open: async function* (signal) {
      const algorithm = algorithmOf(digest)
      const hash = createHash(algorithm)
      for await (const piece of file.open(signal)) {
        hash.update(piece)
        yield piece
      }
      if (digestOf(algorithm, hash.digest('hex')) !== digest) {
        throw new Failure('LAYOUT_INVALID', `${name} changed while it was published`)
      }
    },
  }
}
