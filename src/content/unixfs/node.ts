import { decode, type PBLink } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import type { CID } from 'multiformats/cid'
import { Failure, messageOf } from '../../errors.ts'
import { declaredNumbers, type DeclaredNumbers } from './declared-numbers.ts'

/** Multicodec codes of the blocks that UnixFS is made of. */
export const RAW = 0x55
export const DAG_PB = 0x70

export interface FileNode {
  readonly kind: 'file'
  /** Bytes of the whole file below this node. */
  readonly size: number
  /** Bytes that stand in this node, in front of those of its children. */
  readonly data: Uint8Array
  readonly children: readonly { readonly cid: CID; readonly size: number }[]
}

export interface DirectoryNode {
  readonly kind: 'directory'
  readonly links: readonly PBLink[]
}

/** One node of a HAMT-sharded directory. */
export interface ShardNode {
  readonly kind: 'shard'
  readonly links: readonly PBLink[]
  /** Slots of this node, a power of two. */
  readonly fanout: number
}

/** A symlink, or something that is not UnixFS at all. */
export interface OtherNode {
  readonly kind: 'other'
  /** For messages: `a symlink`. */
  readonly what: string
}

export type UnixfsNode = FileNode | DirectoryNode | ShardNode | OtherNode

/** Multihash code that HAMT shards name their hash by: murmur3-x64-64. */
const MURMUR3 = 0x22
const MAX_FANOUT = 1024

/**
 * Links of one block. The largest block has some 50 000 with digests of 32 bytes; with CIDs of four bytes it would have
 * four times as many, each of which takes half a KiB of memory for as long as the file is read.
 */
export const MAX_LINKS = 65_536
const NOTHING = new Uint8Array()

/**
 * What a verified block says (UnixFS specification, "Data" message; numbers are held to each other).
 *
 * @throws Failure CONTENT_NOT_FOUND when the block is no sound UnixFS: that is a fault of the content, not of its source
 */
export function decodeNode(cid: CID, bytes: Uint8Array): UnixfsNode {
  if (cid.code === RAW) return { kind: 'file', size: bytes.byteLength, data: bytes, children: [] }
  if (cid.code !== DAG_PB) return { kind: 'other', what: `of codec 0x${cid.code.toString(16)}, not UnixFS` }
  const { unixfs, links, declared } = decodeBlock(cid, bytes)
  switch (unixfs.type) {
    case 'file':
    case 'raw':
      return fileNode(cid, unixfs, links, declared.fileSize)
    case 'directory':
      return { kind: 'directory', links }
    case 'hamt-sharded-directory':
      return { kind: 'shard', links, fanout: fanoutOf(cid, unixfs, declared.hashType) }
    default:
      return { kind: 'other', what: `a ${unixfs.type}` }
  }
}

/** A Failure for content that contradicts itself. */
export function unsound(cid: CID, why: string): Failure {
  return new Failure('CONTENT_NOT_FOUND', `${cid.toString()} is no sound UnixFS: ${why}`, {
    detail: { cid: cid.toString(), unsound: why },
  })
}

function decodeBlock(
  cid: CID,
  bytes: Uint8Array,
): { unixfs: UnixFS; links: PBLink[]; declared: DeclaredNumbers } {
  try {
    const { Data, Links } = decode(bytes)
    if (Links.length > MAX_LINKS) throw new Error(`${Links.length} links`)
    if (Data !== undefined) {
      return { unixfs: UnixFS.unmarshal(Data), links: Links, declared: declaredNumbers(Data) }
    }
  } catch (error) {
    throw unsound(cid, messageOf(error))
  }
  throw unsound(cid, 'a dag-pb node without data')
}

function fileNode(
  cid: CID,
  unixfs: UnixFS,
  links: readonly PBLink[],
  declared: number | undefined,
): FileNode {
  const sizes = unixfs.blockSizes
  if (sizes.length !== links.length) {
    throw unsound(cid, `${links.length} children but sizes of ${sizes.length}`)
  }
  const size = Number(unixfs.fileSize())
  if (!Number.isSafeInteger(size)) throw unsound(cid, 'its size is absurd')
  if (declared !== undefined && declared !== size) {
    throw unsound(cid, `it says it has ${declared} bytes, and that its parts have ${size}`)
  }
  const children = links.map((link, index) => ({ cid: link.Hash, size: Number(sizes[index]) }))
  return { kind: 'file', size, data: unixfs.data ?? NOTHING, children }
}

/**
 * Slots of a shard.
 *
 * @throws Failure CONTENT_NOT_FOUND when it is not sharded as UnixFS is
 */
export function fanoutOf(cid: CID, unixfs: UnixFS, hashType: number | undefined): number {
  if (hashType !== MURMUR3)
    throw unsound(cid, `a shard by hash 0x${(hashType ?? 0).toString(16)}, not murmur3`)
  const fanout = Number(unixfs.fanout ?? 0n)
  if (fanout < 2 || fanout > MAX_FANOUT || !Number.isInteger(Math.log2(fanout))) {
    throw unsound(cid, `a shard with ${fanout} slots`)
  }
  return fanout
}
