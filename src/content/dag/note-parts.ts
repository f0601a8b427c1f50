import type { CID } from 'multiformats/cid'
import type { FilePart } from '../unixfs/file.ts'
import type { BlockNotes, NotedLeaf } from './block-notes.ts'

/**
 * Bytes of the largest file whose leaves are noted by value: the largest index.json that is read by default, and no
 * more than a part of what is kept of all notes.
 */
const LARGEST_BY_VALUE = 16 * 1024 * 1024

export interface NotedFile {
  readonly cid: CID
  /** Bytes. */
  readonly size: number
  /** Whether its bytes are likely to be kept by themselves, so that the place of each leaf is enough. */
  readonly isBlob: boolean
}

/** Notes the blocks of a file as they are read: inner nodes by value, leaves by their place in it. */
export function notingParts(notes: BlockNotes, file: NotedFile): (part: FilePart) => void {
  return (part) => {
    const { cid, bytes, node } = part
    // Some builders put data into inner nodes too; they are leaves here unless it is little of the block.
    const isLeaf = node.data.byteLength * 2 >= bytes.byteLength
    if (isLeaf && file.isBlob) notes.leaf(file.cid, leafOf(part))
    else if (!isLeaf || file.size <= LARGEST_BY_VALUE) notes.block(cid, bytes)
  }
}

function leafOf({ cid, bytes, node: { data }, start }: FilePart): NotedLeaf {
  const leaf = { cid, offset: start, length: data.byteLength }
  if (data.byteLength === bytes.byteLength) return leaf
  // Data that has been decoded is a view of the block.
  const from = data.byteOffset - bytes.byteOffset
  const wrap = { prefix: bytes.subarray(0, from), suffix: bytes.subarray(from + data.byteLength) }
  return { ...leaf, wrap }
}
