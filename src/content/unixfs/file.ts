import type { CID } from 'multiformats/cid'
import { Failure } from '../../errors.ts'
import type { ByteRange } from '../source.ts'
import type { BlockReader } from './blocks.ts'
import { decodeNode, type FileNode, type UnixfsNode, unsound } from './node.ts'
import { type Pending, type Step, traverse } from './traverse.ts'

/** A file whose root block is known. */
export interface FileRoot {
  readonly cid: CID
  readonly node: FileNode
}

/**
 * The file that a verified block is the root of.
 *
 * @throws Failure CONTENT_NOT_FOUND when it is a directory, a symlink, or nothing sound
 */
export function fileRoot(cid: CID, bytes: Uint8Array, what: string): FileRoot {
  return asFile(cid, decodeNode(cid, bytes), what)
}

/** {@link fileRoot} of a block that has been decoded. */
export function asFile(cid: CID, node: UnixfsNode, what: string): FileRoot {
  if (node.kind === 'file') return { cid, node }
  const is = node.kind === 'other' ? node.what : 'a directory'
  throw new Failure('CONTENT_NOT_FOUND', `${what} is ${is}, not a file`, {
    detail: { path: what, kind: node.kind === 'other' ? 'other' : 'directory' },
  })
}

/** A block of a file, verified, and as long as its parent said. */
export interface FilePart extends FileRoot {
  /** Valid during the call that it is handed to. */
  readonly bytes: Uint8Array
  /** Offset in the file of the first byte below it. */
  readonly start: number
}

/** What a node says of one of its children. */
interface Extent {
  /** Offset in the file. */
  readonly start: number
  readonly size: number
}

/**
 * The bytes of a range of a file, block by block. Sizes are checked on every level: a part has exactly the bytes
 * that its parent gave it. Parts outside of the range, and empty ones, are not read.
 *
 * @param range clamped, see {@link clampRange}
 * @param options `readAhead`: blocks in flight; 1 for readers that can only give the blocks in their order. `onPart`
 *   is called for each block below the root, in the order of the content
 */
export function fileBytes(
  blocks: BlockReader,
  root: FileRoot,
  range: ByteRange,
  options: { signal: AbortSignal; readAhead: number; onPart?: ((part: FilePart) => void) | undefined },
): AsyncGenerator<Uint8Array, void, undefined> {
  const first = stepsOf(root.node, 0, range)
  const read = (part: Pending<Extent>, bytes: Uint8Array): Iterable<Step<Extent, Uint8Array>> => {
    const node = partNode(part, bytes)
    options.onPart?.({ cid: part.cid, node, bytes, start: part.expected.start })
    return stepsOf(node, part.expected.start, range)
  }
  return traverse(blocks, first, read, options)
}

function partNode(part: Pending<Extent>, bytes: Uint8Array): FileNode {
  const node = decodeNode(part.cid, bytes)
  if (node.kind !== 'file') throw unsound(part.cid, 'a part of a file that is no part of a file')
  if (node.size !== part.expected.size) {
    throw unsound(part.cid, `a part of a file that has ${node.size} bytes where ${part.expected.size} belong`)
  }
  return node
}

/** Data and children of a node that starts at `start`, as far as they touch the range. */
function* stepsOf(node: FileNode, start: number, range: ByteRange): Generator<Step<Extent, Uint8Array>> {
  if (range.start >= range.end) return
  const from = Math.max(range.start - start, 0)
  const to = Math.min(range.end - start, node.data.byteLength)
  if (from < to) yield { value: node.data.subarray(from, to) }
  let at = start + node.data.byteLength
  for (const { cid, size } of node.children) {
    if (size > 0 && at < range.end && at + size > range.start) {
      yield { pending: { cid, expected: { start: at, size } } }
    }
    at += size
  }
}
