import type { CID } from 'multiformats/cid'
import { Failure } from '../../../errors.ts'
import { decodeNode, RAW, unsound, type FileNode } from '../../unixfs/node.ts'
import type { StagedBlock, StagedBlocks } from './staged-blocks.ts'

/** Levels of a file that are followed; a terabyte in leaves of 256 KiB has five. */
const MAX_DEPTH = 48

/** A block of a file, at its place in it. */
export interface FilePart {
  readonly cid: CID
  readonly block: StagedBlock
  /** Byte of the file at which its own content begins. */
  readonly offset: number
  /** Bytes of its own content, without that of blocks below it. */
  readonly length: number
  /** What was read of it; undefined for a raw block, which is content and nothing else, and has not been read. */
  readonly node?: { readonly bytes: Uint8Array; readonly data: Uint8Array }
}

/**
 * The blocks of a file in the order of its content, repeats included. Sizes are checked on every level.
 *
 * @throws Failure CONTENT_NOT_FOUND when it is no sound file, CONTENT_UNAVAILABLE when a block is missing
 */
export async function* partsOf(blocks: StagedBlocks, root: CID): AsyncGenerator<FilePart, void, undefined> {
  const waiting: { cid: CID; size?: number; depth: number }[] = [{ cid: root, depth: 0 }]
  let offset = 0
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { cid, depth } = next
    const block = await blocks.find(cid)
    if (block === undefined) throw new Failure('CONTENT_UNAVAILABLE', `block ${cid.toString()} is missing`)
    const node = cid.code === RAW ? undefined : await readNode(blocks, cid, block)
    const size = node?.size ?? block.size
    if (size !== (next.size ?? size)) {
      throw unsound(cid, `a part of a file that has ${size} bytes where ${next.size} belong`)
    }
    const length = node?.data.byteLength ?? size
    yield { cid, block, offset, length, ...(node === undefined ? {} : { node }) }
    offset += length
    const children = (node?.children ?? []).filter((child) => child.size > 0)
    if (children.length > 0 && depth === MAX_DEPTH) throw unsound(root, 'its parts are absurdly deep')
    for (const child of children.reverse()) waiting.push({ ...child, depth: depth + 1 })
  }
}

async function readNode(
  blocks: StagedBlocks,
  cid: CID,
  block: StagedBlock,
): Promise<FileNode & { readonly bytes: Uint8Array }> {
  const bytes = await blocks.read(cid, block)
  const node = decodeNode(cid, bytes)
  if (node.kind !== 'file') throw unsound(cid, 'a part of a file that is no part of a file')
  return { ...node, bytes }
}
