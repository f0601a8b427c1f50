import { CID } from 'multiformats/cid'
import type { BlockReader } from '../../content/unixfs/blocks.ts'
import { decodeNode } from '../../content/unixfs/node.ts'
import type { Block } from '../../publish/target.ts'

/** An entry of a folder. */
export interface FolderEntry {
  readonly name: string
  readonly cid: CID
  /** Bytes of all blocks below it. */
  readonly dagSize: number
}

export interface Folder {
  readonly entries: readonly FolderEntry[]
  /** Its own blocks, several where it is sharded. */
  readonly blocks: readonly Block[]
}

/** Read a folder from its blocks, without those of what is in it. */
export async function readFolder(cid: CID, blocks: BlockReader, signal: AbortSignal): Promise<Folder> {
  const bytes = await blocks.get(cid, { signal })
  const node = decodeNode(cid, bytes)
  if (node.kind !== 'directory' && node.kind !== 'shard') return { entries: [], blocks: [] }
  const links = node.links.map(({ Name, Hash, Tsize }) => ({
    name: Name ?? '',
    cid: CID.decode(Hash.bytes),
    dagSize: Tsize ?? 0,
  }))
  if (node.kind === 'directory') return { entries: links, blocks: [{ cid, bytes }] }
  // Names in a shard begin with the number of their slot; nothing else is in the name of a shard below it.
  const prefix = (node.fanout - 1).toString(16).length
  const below = links.filter(({ name }) => name.length === prefix)
  const shards = await Promise.all(below.map((link) => readFolder(link.cid, blocks, signal)))
  const own = links
    .filter(({ name }) => name.length > prefix)
    .map((link) => ({ ...link, name: link.name.slice(prefix) }))
  return {
    entries: [...own, ...shards.flatMap(({ entries }) => entries)],
    blocks: [{ cid, bytes }, ...shards.flatMap((shard) => shard.blocks)],
  }
}
