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

/** Records that are read together at the start. */
const READ_AT_ONCE = 1000

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
    const iterator = this.records.iterator()
    try {
      // Waiting for each by itself takes longer than all else that is done with it.
      let some = await iterator.nextv(READ_AT_ONCE)
      for (; some.length > 0; some = await iterator.nextv(READ_AT_ONCE)) {
        for (const [key, record] of some) if (isDigest(key)) found.push([key, record])
      }
    } finally {
      await iterator.close()
    }
    return inOrderOfUse(found)
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

/**
 * Least recently used first, those of the same time as they come. The times are sorted by themselves, and each record goes
 * to the place of its own: to compare a million records in pairs takes ten seconds.
 */
export function inOrderOfUse<T extends readonly [Digest, BlobRecord]>(records: readonly T[]): T[] {
  const times = Float64Array.from(records, ([, { used }]) => used).sort()
  /** How many of the same time are in their places already, at the first of these. */
  const placed = new Uint32Array(times.length)
  const ordered = Array.from<T>({ length: records.length })
  for (const record of records) {
    const first = firstOf(times, record[1].used)
    const before = placed[first] ?? 0
    ordered[first + before] = record
    placed[first] = before + 1
  }
  return ordered
}

/** Index of the first that is not less than `time`. */
function firstOf(times: Float64Array, time: number): number {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((times[middle] ?? 0) < time) low = middle + 1
    else high = middle
  }
  return low
}
