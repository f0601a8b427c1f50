import { decode } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import type { CID } from 'multiformats/cid'

/** Blocks by their CIDs as text. */
export type Blocks = ReadonlyMap<string, Uint8Array>

/** What a file's blocks say, read as naively as can be. @throws Error for what is unsound, or not there */
export function naiveFile(blocks: Blocks, cid: CID, depth = 0): Uint8Array {
  if (depth > 48) throw new Error('too deep')
  const bytes = blockAt(blocks, cid)
  if (cid.code === 0x55) return bytes
  if (cid.code !== 0x70) throw new Error('of another codec')
  const { Data, Links } = decode(bytes)
  const node = UnixFS.unmarshal(Data ?? new Uint8Array())
  if (node.type !== 'file' && node.type !== 'raw') throw new Error(`a ${node.type}`)
  if (node.blockSizes.length !== Links.length) throw new Error('sizes of other parts')
  const parts = Links.map(({ Hash }, index) => {
    const size = Number(node.blockSizes[index])
    if (size === 0) return new Uint8Array()
    const part = naiveFile(blocks, Hash, depth + 1)
    if (part.length !== size) throw new Error(`${part.length} bytes where ${size} belong`)
    return part
  })
  return Buffer.concat([node.data ?? new Uint8Array(), ...parts])
}

/** The files below a folder that is not sharded, by their paths. */
export function* filesBelow(blocks: Blocks, cid: CID, path = ''): Generator<[string, Uint8Array]> {
  const bytes = blockAt(blocks, cid)
  const node = cid.code === 0x70 ? decode(bytes) : undefined
  const isFolder = node?.Data !== undefined && UnixFS.unmarshal(node.Data).isDirectory()
  if (node === undefined || !isFolder) yield [path, bytes]
  else for (const { Name = '', Hash } of node.Links) yield* filesBelow(blocks, Hash, `${path}/${Name}`)
}

function blockAt(blocks: Blocks, cid: CID): Uint8Array {
  if (cid.multihash.code === 0) return cid.multihash.digest
  const bytes = blocks.get(cid.toString())
  if (bytes === undefined) throw new Error(`no block ${cid.toString()}`)
  return bytes
}
