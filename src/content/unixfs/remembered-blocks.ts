import { LRUCache } from 'lru-cache'
import type { CID } from 'multiformats/cid'
import { Failure } from '../../errors.ts'
import { inlineBytes } from '../../verify/block.ts'
import type { BlockReader } from './blocks.ts'

/** Bytes that an entry costs besides its block, about. */
const OVERHEAD = 256

/** Verified blocks in memory, up to a number of bytes: those of directories, which every request for a layout meets. */
export class BlockMemory {
  readonly #blocks: LRUCache<string, Uint8Array>
  readonly #onUse: ((cid: CID, bytes: Uint8Array) => void) | undefined

  /**
   * @param maxBytes 0 remembers nothing
   * @param onUse is told of each block that is added or asked for
   */
  constructor(maxBytes: number, onUse?: (cid: CID, bytes: Uint8Array) => void) {
    this.#onUse = onUse
    this.#blocks = new LRUCache({
      maxSize: Math.max(1, maxBytes),
      sizeCalculation: (bytes) => bytes.byteLength + OVERHEAD,
    })
  }

  get(cid: CID): Uint8Array | undefined {
    const bytes = this.#blocks.get(cid.toString())
    if (bytes !== undefined) this.#onUse?.(cid, bytes)
    return bytes
  }

  /** @param bytes verified */
  add(cid: CID, bytes: Uint8Array): void {
    // It may be a view of memory that is large, or used again for the next block.
    this.#blocks.set(cid.toString(), new Uint8Array(bytes))
    this.#onUse?.(cid, bytes)
  }
}

/** Reads each block once as long as it is remembered. For blocks of directories only: those of files would drive them out. */
export function rememberingBlocks(blocks: BlockReader, memory: BlockMemory): BlockReader {
  const fetched = noting(blocks, memory)
  return {
    get: async (cid, options) => memory.get(cid) ?? fetched.get(cid, options),
  }
}

/** Reads everything from `blocks`, and remembers it. For readers that give blocks in one order only. */
export function noting(blocks: BlockReader, memory: BlockMemory): BlockReader {
  return {
    async get(cid, options) {
      const bytes = await blocks.get(cid, options)
      memory.add(cid, bytes)
      return bytes
    },
  }
}

/** Reads nothing but what is remembered; everything else is CONTENT_UNAVAILABLE. */
export function rememberedOnly(memory: BlockMemory): BlockReader {
  return {
    async get(cid) {
      const bytes = inlineBytes(cid) ?? memory.get(cid)
      if (bytes !== undefined) return bytes
      throw new Failure('CONTENT_UNAVAILABLE', `block ${cid.toString()} is not remembered`)
    },
  }
}
