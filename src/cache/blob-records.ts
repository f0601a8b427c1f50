import { isDigest, type Digest } from '../reference/digest.ts'
import type { Metadata } from './metadata.ts'
import { Turns } from './turns.ts'

export interface BlobRecord {
  /** Bytes. */
  readonly size: number
  /** Published content is never evicted. */
  published: boolean
  /** ms since the epoch. */
  used: number
}

/** What is written down of blobs, one change after the other, so that none is overtaken by an older one. */
export class BlobRecords {
  private readonly turns = new Turns<'records'>()
  private readonly metadata: Metadata
  private readonly records
  private readonly sums

  constructor(metadata: Metadata) {
    this.metadata = metadata
    this.records = metadata.sublevel<string, BlobRecord>('blob', { valueEncoding: 'json' })
    this.sums = metadata.sublevel<string, Uint8Array>('sums', { valueEncoding: 'view' })
  }

  /** All of them, least recently used first. */
  async load(): Promise<[Digest, BlobRecord][]> {
    const found: [Digest, BlobRecord][] = []
    for await (const [key, record] of this.records.iterator()) if (isDigest(key)) found.push([key, record])
    return found.sort((a, b) => a[1].used - b[1].used)
  }

  /** CRC-32 of each chunk. */
  async sumsOf(digest: Digest): Promise<Uint32Array | undefined> {
    const raw = await this.sums.get(digest)
    return raw === undefined ? undefined : new Uint32Array(new Uint8Array(raw).buffer)
  }

  put(digest: Digest, record: BlobRecord, sums: Uint32Array): Promise<void> {
    return this.inTurn(async () => {
      const batch = this.metadata.batch()
      batch.put(digest, record, { sublevel: this.records })
      const bytes = new Uint8Array(sums.buffer, sums.byteOffset, sums.byteLength)
      batch.put(digest, bytes, { sublevel: this.sums })
      await batch.write()
    })
  }

  /** Write records. They are asked for when their turn has come. */
  update(records: Iterable<readonly [Digest, BlobRecord]>): Promise<void> {
    return this.inTurn(async () => {
      const batch = this.metadata.batch()
      for (const [digest, record] of records) batch.put(digest, record, { sublevel: this.records })
      await batch.write()
    })
  }

  delete(digest: Digest): Promise<void> {
    return this.inTurn(async () => {
      const batch = this.metadata.batch()
      batch.del(digest, { sublevel: this.records })
      batch.del(digest, { sublevel: this.sums })
      await batch.write()
    })
  }

  private inTurn(change: () => Promise<void>): Promise<void> {
    return this.turns.take('records', change)
  }
}
