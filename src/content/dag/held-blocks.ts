import type { CID } from 'multiformats/cid'
import type { BlockReader } from '../unixfs/blocks.ts'

/** A block that is held here. */
export interface HeldBlock {
  /** Bytes. */
  readonly size: number
  /** Whether it had to be fetched from others for this. */
  readonly fetched?: boolean
  /**
   * Its bytes, in pieces that are valid until the next is asked for. What is read back from disk has been held to its
   * checksums.
   *
   * @throws Failure STORE_FAILED, CONTENT_INVALID when they can't be read or are damaged
   */
  read(): AsyncIterable<Uint8Array>
}

/** A block that is in memory. */
export function blockOf(bytes: Uint8Array): HeldBlock {
  return { size: bytes.byteLength, read: () => once(bytes) }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes
}

/** Blocks that are held here, read one after the other; files stay open between blocks that follow one another. */
export interface HeldBlockReader extends BlockReader {
  /** @returns undefined when it is not held */
  find(cid: CID, options: { signal: AbortSignal }): Promise<HeldBlock | undefined>
  close(): Promise<void>
}

/** What this gateway holds and can prove, block by block; nothing is fetched for it. */
export interface HeldBlocks {
  /** A reader for one caller, who closes it. */
  reader(): HeldBlockReader
}
