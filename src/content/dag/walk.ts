import type { CID } from 'multiformats/cid'
import { Failure } from '../../errors.ts'
import { inlineBytes } from '../../verify/block.ts'
import type { ByteRange } from '../source.ts'
import { decodeNode, RAW } from '../unixfs/node.ts'
import { prefixLength } from '../unixfs/shard-slot.ts'
import { isDocument } from './document.ts'
import { blockOf, type HeldBlock, type HeldBlockReader } from './held-blocks.ts'
import { linksOf } from './links.ts'

/** Which blocks of the DAG below a CID are wanted (trustless gateway specification, `dag-scope`, `entity-bytes`). */
export interface DagQuery {
  /**
   * `block`: the one block; `entity`: all of a UnixFS file, or all that lists a UnixFS directory, and of anything else
   * the one block; `all`: everything.
   */
  readonly scope: 'block' | 'entity' | 'all'
  /** Of a file with the scope `entity`: what is needed of it, given its size in bytes. */
  readonly range?: (size: number) => ByteRange
  /** Whether a block comes again each time it is met. */
  readonly dups: boolean
}

/** A block of the walk. */
export interface WalkedBlock extends HeldBlock {
  readonly cid: CID
}

/** Levels of a DAG that are followed. */
const MAX_DEPTH = 1024

/** A block to visit, and which of its children belong to the answer. */
interface Part {
  readonly cid: CID
  readonly below: 'nothing' | 'everything' | 'shards' | FileExtent
}

/** Where a part of a file is in it, and which of its bytes are wanted. */
interface FileExtent {
  readonly start: number
  readonly size: number
  readonly range: ByteRange
}

/**
 * The blocks of a path and of what it leads to, depth first in the order of the content: what a canonical CAR has.
 * Blocks that are their own CID (identity) are walked through and left out.
 *
 * @param path blocks on the way there
 * @throws Failure CONTENT_UNAVAILABLE when a block is not held, CONTENT_TOO_LARGE when the DAG is absurdly deep
 */
export async function* walkDag(
  blocks: HeldBlockReader,
  { path, cid }: { readonly path: readonly CID[]; readonly cid: CID },
  query: DagQuery,
  signal: AbortSignal,
): AsyncGenerator<WalkedBlock, void, undefined> {
  const met = new Met(query.dups)
  for (const onPath of path) if (met.isToSend(onPath)) yield await heldBlock(blocks, onPath, signal)
  const stack: Iterator<Part, unknown>[] = [[await terminal(blocks, cid, query, signal)].values()]
  for (let level = stack.at(-1); level !== undefined; level = stack.at(-1)) {
    const next = level.next()
    if (next.done === true) {
      stack.pop()
      continue
    }
    signal.throwIfAborted()
    const part = next.value
    if (met.isDone(part)) continue
    if (part.below === 'nothing' || part.cid.code === RAW) {
      if (met.isToSend(part.cid)) yield await heldBlock(blocks, part.cid, signal)
      continue
    }
    const bytes = await blocks.get(part.cid, { signal })
    if (met.isToSend(part.cid)) yield { cid: part.cid, ...blockOf(bytes) }
    if (stack.length >= MAX_DEPTH) {
      throw new Failure('CONTENT_TOO_LARGE', `${cid.toString()} is more than ${MAX_DEPTH} blocks deep`)
    }
    stack.push(partsBelow(part, bytes))
  }
}

/** What was met on the way. */
class Met {
  readonly #dups: boolean
  readonly #sent = new Set<string>()
  /** Inner blocks of which everything below was sent. */
  readonly #done = new Set<string>()

  constructor(dups: boolean) {
    this.#dups = dups
  }

  isToSend(cid: CID): boolean {
    if (inlineBytes(cid) !== undefined) return false
    return this.#dups || isNewIn(this.#sent, cid)
  }

  /** Whether a part was met before with all that is below it; otherwise notes that it is going to be. */
  isDone({ cid, below }: Part): boolean {
    if (this.#dups || cid.code === RAW) return false
    if (
      typeof below === 'object' &&
      (below.start < below.range.start || below.start + below.size > below.range.end)
    )
      return false
    return !isNewIn(this.#done, cid)
  }
}

function isNewIn(set: Set<string>, cid: CID): boolean {
  const { buffer, byteOffset, byteLength } = cid.bytes
  const key = Buffer.from(buffer, byteOffset, byteLength).toString('latin1')
  if (set.has(key)) return false
  set.add(key)
  return true
}

/** What a path leads to, and what of it is wanted. */
async function terminal(
  blocks: HeldBlockReader,
  cid: CID,
  { scope, range }: DagQuery,
  signal: AbortSignal,
): Promise<Part> {
  if (scope === 'all') return { cid, below: 'everything' }
  if (scope === 'block' || cid.code === RAW || isDocument(cid)) return { cid, below: 'nothing' }
  const node = decodeNode(cid, await blocks.get(cid, { signal }))
  if (node.kind === 'shard') return { cid, below: 'shards' }
  if (node.kind !== 'file') return { cid, below: 'nothing' }
  const { size } = node
  const wanted = range?.(size) ?? { start: 0, end: size }
  return { cid, below: wanted.start < wanted.end ? { start: 0, size, range: wanted } : 'nothing' }
}

function* partsBelow({ cid, below }: Part, bytes: Uint8Array): Generator<Part, void, undefined> {
  if (below === 'everything') {
    for (const link of linksOf(cid, bytes)) yield { cid: link, below }
    return
  }
  const node = decodeNode(cid, bytes)
  if (below === 'shards' && node.kind === 'shard') {
    const prefix = prefixLength(node.fanout)
    for (const { Name, Hash } of node.links) if (Name?.length === prefix) yield { cid: Hash, below }
  } else if (typeof below === 'object' && node.kind === 'file') {
    const { range } = below
    let start = below.start + node.data.byteLength
    for (const { cid: child, size } of node.children) {
      const touches = start < range.end && start + size > range.start
      if (touches) yield { cid: child, below: { start, size, range } }
      start += size
    }
  }
}

async function heldBlock(blocks: HeldBlockReader, cid: CID, signal: AbortSignal): Promise<WalkedBlock> {
  const block = await blocks.find(cid, { signal })
  if (block === undefined) throw new Failure('CONTENT_UNAVAILABLE', `block ${cid.toString()} is not held`)
  const { size, fetched = false } = block
  return { cid, size, fetched, read: () => block.read() }
}
