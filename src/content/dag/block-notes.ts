import type { CID } from 'multiformats/cid'

/** A block whose content is a range of the file it is part of. */
export interface NotedLeaf {
  readonly cid: CID
  readonly offset: number
  /** Bytes of the range. */
  readonly length: number
  /** What stands around the range in the block, where the block is more than its content. */
  readonly wrap?: { readonly prefix: Uint8Array; readonly suffix: Uint8Array }
}

/**
 * Is told of blocks as they are verified, to have them later. Neither throws nor keeps anyone waiting; bytes are those
 * of the caller again when it returns.
 */
export interface BlockNotes {
  block(cid: CID, bytes: Uint8Array): void
  /** A block that can be put together again from the bytes of its file, for as long as these are kept. */
  leaf(file: CID, leaf: NotedLeaf): void
}
