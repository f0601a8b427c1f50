import type { CID } from 'multiformats/cid'
import { Failure } from '../../errors.ts'
import { type ContentPath, formatContentPath } from '../source.ts'
import type { BlockReader } from './blocks.ts'
import { DirectoryIndex } from './directory-index.ts'
import { DAG_PB, unsound } from './node.ts'
import { slotsOf } from './shard-slot.ts'

export interface ResolvedPath {
  /** What the path leads to. Its block has not been read. */
  readonly cid: CID
  /** Root first, `cid` last: one for each segment and the root. Shards on the way are left out. */
  readonly cids: readonly CID[]
}

/**
 * Follow a path through UnixFS directories, sharded or not. Blocks are read in the order in which a gateway sends
 * them: root first, shards included, what the path leads to left out.
 *
 * @param blocks reader for the blocks of directories; nothing else is read from it
 * @throws Failure CONTENT_NOT_FOUND, with the index of the missing segment in its detail, when the directory that
 *   should hold it does not: that is a proof, since its blocks are verified
 */
export async function resolvePath(
  blocks: BlockReader,
  path: ContentPath,
  options: { signal: AbortSignal },
): Promise<ResolvedPath> {
  // No gateway could be asked for these: they are folded away on the way there.
  const unaddressable = path.segments.findIndex((segment) => ['', '.', '..'].includes(segment))
  if (unaddressable !== -1) throw notThere(path, unaddressable)
  const cids = [path.root]
  let cid = path.root
  for (const [index, segment] of path.segments.entries()) {
    const next = await directoryEntry(blocks, cid, segment, options)
    if (next === undefined) throw notThere(path, index)
    cid = next
    cids.push(cid)
  }
  return { cid, cids }
}

/** CID of the entry `name` in the directory at `cid`; undefined when there is none, or `cid` is no directory. */
export async function directoryEntry(
  blocks: BlockReader,
  cid: CID,
  name: string,
  options: { signal: AbortSignal },
): Promise<CID | undefined> {
  // Nothing but dag-pb can be a directory, so there is no need to read the block.
  if (cid.code !== DAG_PB) return undefined
  const directory = new DirectoryIndex(cid, await blocks.get(cid, options))
  if (!directory.isDirectory) return undefined
  if (directory.fanout === undefined) return directory.find(name)
  return shardEntry(blocks, cid, directory, name, options)
}

async function shardEntry(
  blocks: BlockReader,
  root: CID,
  top: DirectoryIndex,
  name: string,
  options: { signal: AbortSignal },
): Promise<CID | undefined> {
  const slots = await slotsOf(name)
  let shard = top
  let cid = root
  for (;;) {
    const prefix = shard.fanout === undefined ? undefined : slots.next(shard.fanout)
    if (prefix === undefined) throw unsound(cid, 'a shard below the last bit of the hash')
    const entry = shard.find(prefix + name)
    if (entry !== undefined) return entry
    const below = shard.find(prefix)
    if (below === undefined) return undefined
    cid = below
    shard = new DirectoryIndex(cid, await blocks.get(cid, options))
    if (shard.fanout === undefined || shard.fanout !== top.fanout) {
      throw unsound(cid, 'a shard whose part is no shard of the same kind')
    }
  }
}

function notThere(path: ContentPath, index: number): Failure {
  const parent = formatContentPath({ root: path.root, segments: path.segments.slice(0, index) })
  return new Failure('CONTENT_NOT_FOUND', `${parent} has no entry "${path.segments[index]}"`, {
    detail: { path: formatContentPath(path), missing: index },
  })
}
