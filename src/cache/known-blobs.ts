import type { Digest } from '../reference/digest.ts'
import type { BlobRecord } from './blob-records.ts'

/**
 * The records of all blobs, in memory. Those that may be evicted are apart, so that finding one costs the same however
 * many blobs there are.
 */
export class KnownBlobs {
  private readonly published = new Map<Digest, BlobRecord>()
  /** Not published; least recently used first. */
  private readonly cached = new Map<Digest, BlobRecord>()
  private bytes = 0

  /** Bytes of those that are not published. */
  get cachedBytes(): number {
    return this.bytes
  }

  get count(): number {
    return this.published.size + this.cached.size
  }

  get(digest: Digest): BlobRecord | undefined {
    return this.cached.get(digest) ?? this.published.get(digest)
  }

  has(digest: Digest): boolean {
    return this.cached.has(digest) || this.published.has(digest)
  }

  /** As the most recently used. */
  set(digest: Digest, record: BlobRecord): void {
    this.delete(digest)
    this.add(digest, record)
  }

  /** {@link set} for a blob that is not here yet: of a million, looking for each would take a second. */
  add(digest: Digest, record: BlobRecord): void {
    if (record.published) {
      this.published.set(digest, record)
      return
    }
    this.cached.set(digest, record)
    this.bytes += record.size
  }

  delete(digest: Digest): void {
    this.published.delete(digest)
    const record = this.cached.get(digest)
    if (record !== undefined && this.cached.delete(digest)) this.bytes -= record.size
  }

  /** Note that a blob is used now. */
  touch(digest: Digest, record: BlobRecord): void {
    record.used = Date.now()
    if (this.cached.delete(digest)) this.cached.set(digest, record)
  }

  /** @returns whether that is new */
  setPublished(digest: Digest, record: BlobRecord, published: boolean): boolean {
    if (record.published === published) return false
    // Its bytes are counted as what it still is.
    const known = this.get(digest) === record
    if (known) this.delete(digest)
    record.published = published
    if (known) this.set(digest, record)
    return true
  }

  allPublished(): { digest: Digest; size: number }[] {
    return [...this.published].map(([digest, { size }]) => ({ digest, size }))
  }

  /**
   * Those that are not published, least recently used first. Any may come and go meanwhile; what is used meanwhile is not
   * come to twice.
   */
  *leastUsed(): Generator<[Digest, BlobRecord], void, undefined> {
    let left = this.cached.size
    for (const entry of this.cached) {
      if (left === 0) return
      left -= 1
      yield entry
    }
  }
}
