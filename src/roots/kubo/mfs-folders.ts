import { CID } from 'multiformats/cid'
import type { BlockReader } from '../../content/unixfs/blocks.ts'
import { decodeNode } from '../../content/unixfs/node.ts'
import type { KuboAddress } from '../../publish/kubo/rpc.ts'
import type { Block } from '../../publish/target.ts'
import { MfsReader } from './mfs.ts'

/** The blocks of folders of MFS and of those above them, not of what is in them. Folders that are gone are left out. */
export async function folderBlocks(
  kubo: KuboAddress,
  blocks: BlockReader,
  folders: Iterable<string>,
  signal: AbortSignal,
): Promise<Block[]> {
  const reader = new MfsReader(kubo)
  const found = new Map<string, Block>()
  for (const path of withParents(folders)) {
    const folder = await reader.stat(path, signal)
    if (folder !== undefined) await collect(folder.cid, blocks, found, signal)
  }
  return [...found.values()]
}

/** The block of a folder, and where it is sharded, those of its shards. */
async function collect(
  cid: CID,
  blocks: BlockReader,
  found: Map<string, Block>,
  signal: AbortSignal,
): Promise<void> {
  if (found.has(cid.toString())) return
  const bytes = await blocks.get(cid, { signal })
  found.set(cid.toString(), { cid, bytes })
  const node = decodeNode(cid, bytes)
  if (node.kind !== 'shard') return
  const prefix = (node.fanout - 1).toString(16).length
  for (const { Name, Hash } of node.links) {
    if (Name?.length === prefix) await collect(CID.decode(Hash.bytes), blocks, found, signal)
  }
}

/** `/`, `/a`, `/a/b` for `/a/b`. */
function withParents(paths: Iterable<string>): Set<string> {
  const all = new Set<string>(['/'])
  for (const path of paths) {
    const names = path.split('/').filter((name) => name !== '')
    for (let depth = 1; depth <= names.length; depth++) all.add(`/${names.slice(0, depth).join('/')}`)
  }
  return all
}
