import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import * as Multihash from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import type { NotedLeaf } from '../dag/block-notes.ts'
import { LEAF_SIZE, type FileLeaf } from '../unixfs/file-dag.ts'

const HASH_SIZE = 32

/** Leaves in one batch. */
const BATCH = 1000

/** The leaves of a file in the making, at 32 bytes each, which a terabyte has a million of. */
export class LeafList {
  private hashes = Buffer.alloc(HASH_SIZE)
  private count = 0
  /** Of the last leaf; all others have {@link LEAF_SIZE} bytes. */
  private lastLength = 0

  /** Take the next leaf. */
  add({ digest, length }: FileLeaf): void {
    const at = this.count * HASH_SIZE
    if (at === this.hashes.length) this.hashes = Buffer.concat([this.hashes, Buffer.alloc(at)])
    this.hashes.set(digest, at)
    this.count += 1
    this.lastLength = length
  }

  /** All of them, so many at a time. */
  *batches(): Generator<NotedLeaf[], void, undefined> {
    for (let from = 0; from < this.count; from += BATCH) {
      const until = Math.min(this.count, from + BATCH)
      yield Array.from({ length: until - from }, (_, index) => this.leaf(from + index))
    }
  }

  private leaf(index: number): NotedLeaf {
    const hash = this.hashes.subarray(index * HASH_SIZE, (index + 1) * HASH_SIZE)
    const cid = CID.createV1(raw.code, Multihash.create(sha256.code, hash))
    const length = index === this.count - 1 ? this.lastLength : LEAF_SIZE
    return { cid, offset: index * LEAF_SIZE, length }
  }
}
