import type { CID } from 'multiformats/cid'
import type { Digest } from '../reference/digest.ts'

/** One file of a layout that is to be stored. */
export interface FileToAdd {
  /** Bytes. */
  readonly size: number
  /** Held while reading where the file is a blob; undefined for index.json and oci-layout. */
  readonly digest: Digest | undefined
  /** A fresh stream over the whole file; pieces of 256 KiB to 1 MiB serve best. */
  open(signal: AbortSignal): AsyncIterable<Uint8Array>
}

/** The UnixFS root of a stored file under the `unixfs-v1-2025` profile (IPIP-0499). */
export interface AddedFile {
  readonly cid: CID
  /** Bytes of the file. */
  readonly size: number
  /** Bytes of all its blocks: the Tsize of a link to it. */
  readonly dagSize: number
}

export interface Block {
  readonly cid: CID
  readonly bytes: Uint8Array
}

/**
 * Where a layout is published to. Files are stored by the target, so that it may use a faster way than blocks;
 * directories arrive as finished blocks, so that every target yields the same root CID. One publishing at a time.
 */
export interface PublishTarget {
  /** `embedded` or `kubo`. */
  readonly name: string
  /**
   * Store one file and verify its digest and size.
   *
   * @throws Failure LAYOUT_INVALID when size or digest differ from what was said
   */
  addFile(
    file: FileToAdd,
    options: { signal: AbortSignal; onBytes?: (count: number) => void },
  ): Promise<AddedFile>
  putBlocks(blocks: Iterable<Block>, options: { signal: AbortSignal }): Promise<void>
  /**
   * Keep everything below `root`. Once this resolves, a kill -9 loses none of it.
   *
   * @throws Failure CONTENT_NOT_FOUND when some of it is gone again, collected as garbage before it was pinned
   */
  pin(root: CID, options: { label: string; signal: AbortSignal }): Promise<void>
  /** The publishing has ended, well or not: what was added and not pinned may go. */
  release?(): void
}
