import type { CID } from 'multiformats/cid'
import { Failure } from '../../errors.ts'
import type { DirectoryEntry } from '../source.ts'
import type { BlockReader } from './blocks.ts'
import { type DirectoryNode, decodeNode, type ShardNode, unsound, type UnixfsNode } from './node.ts'
import { prefixLength } from './shard-slot.ts'
import { type Step, traverse } from './traverse.ts'

/** A directory whose first block is known. */
export interface DirectoryRoot {
  readonly cid: CID
  readonly node: DirectoryNode | ShardNode
}

/**
 * The directory that a verified block is the root of.
 *
 * @throws Failure CONTENT_NOT_FOUND when it is a file, a symlink, or nothing sound
 */
export function directoryRoot(cid: CID, bytes: Uint8Array, what: string): DirectoryRoot {
  return asDirectory(cid, decodeNode(cid, bytes), what)
}

/** {@link directoryRoot} of a block that has been decoded. */
export function asDirectory(cid: CID, node: UnixfsNode, what: string): DirectoryRoot {
  if (isDirectory(node)) return { cid, node }
  throw new Failure(
    'CONTENT_NOT_FOUND',
    `${what} is ${node.kind === 'other' ? node.what : 'a file'}, not a directory`,
    {
      detail: { path: what, kind: node.kind },
    },
  )
}

/** A link of a directory. */
export interface DirectoryLink extends DirectoryEntry {
  readonly cid: CID
  /** Bytes of all blocks below it, as the directory says. */
  readonly dagSize: number
}

export function isDirectory(node: UnixfsNode): node is DirectoryNode | ShardNode {
  return node.kind === 'directory' || node.kind === 'shard'
}

/**
 * Entries of a directory, sharded or not, in its own order. Holds the blocks of a few shards, not the directory;
 * a consumer with enough stops it.
 */
export function directoryEntries(
  blocks: BlockReader,
  root: DirectoryRoot,
  options: { signal: AbortSignal; readAhead: number },
): AsyncGenerator<DirectoryLink, void, undefined> {
  const first = stepsOf(root.cid, root.node)
  const fanout = root.node.kind === 'shard' ? root.node.fanout : 0
  // No two slots have the same names, so a part that is there twice has none: enough of those would never end.
  const met = new Set<string>()
  return traverse(
    blocks,
    first,
    ({ cid }, bytes) => {
      const node = decodeNode(cid, bytes)
      if (node.kind !== 'shard' || node.fanout !== fanout) {
        throw unsound(cid, 'a shard whose part is no shard of the same kind')
      }
      const key = Buffer.from(cid.multihash.bytes).toString('latin1')
      if (met.has(key)) throw unsound(cid, 'a shard that is part of its directory twice')
      met.add(key)
      return stepsOf(cid, node)
    },
    options,
  )
}

function* stepsOf(cid: CID, node: DirectoryNode | ShardNode): Generator<Step<undefined, DirectoryLink>> {
  const prefix = node.kind === 'shard' ? prefixLength(node.fanout) : 0
  for (const { Name = '', Hash, Tsize = 0 } of node.links) {
    if (Name.length < prefix) throw unsound(cid, 'a shard with a link that names no slot')
    if (prefix > 0 && Name.length === prefix) yield { pending: { cid: Hash, expected: undefined } }
    else yield { value: { name: Name.slice(prefix), cid: Hash, dagSize: Tsize } }
  }
}

/** The first entries of a stream of them. */
export async function takeEntries(
  entries: AsyncIterable<DirectoryEntry>,
  limit: number,
): Promise<DirectoryEntry[]> {
  const taken: DirectoryEntry[] = []
  if (limit <= 0) return taken
  for await (const entry of entries) {
    if (taken.push(entry) >= limit) break
  }
  return taken
}
