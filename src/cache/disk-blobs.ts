import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, messageOf, systemCodeOf } from '../errors.ts'
import { algorithmOf, encodedOf, isDigest, type Digest } from '../reference/digest.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { Metadata } from './metadata.ts'
import { Spool } from './spool.ts'
import { readStored, type StoredBlob } from './stored-blob.ts'

interface BlobRecord {
  readonly size: number
  /** Published content is never evicted. */
  published: boolean
  /** ms since the epoch. */
  used: number
}

export interface DiskBlobsOptions {
  /** The store's folder; holds `blobs/` and `incoming/`. */
  readonly folder: string
  readonly metadata: Metadata
  /** Bytes of blobs that are not published. */
  readonly cacheSize: number
  readonly pool: BufferPool
  readonly onEvict?: (digest: Digest, size: number) => void
}

/**
 * Blobs on disk, one file each, with checksums beside them. A blob counts when its record is there and its file in
 * place; files in the making live in `incoming/`, which is emptied at the start. Records are written before the
 * file is moved into place, so that a crash leaves at most a record without file, which counts as absent.
 */
export class DiskBlobs {
  /** Least recently used first. */
  private readonly records = new Map<Digest, BlobRecord>()
  private readonly dirty = new Set<Digest>()
  /** How many hold a blob that is not to be evicted meanwhile. */
  private readonly holds = new Map<Digest, number>()
  private cachedBytes = 0
  private readonly options: DiskBlobsOptions
  private readonly recordTable
  private readonly sumsTable

  private constructor(options: DiskBlobsOptions) {
    this.options = options
    this.recordTable = options.metadata.sublevel<string, BlobRecord>('blob', { valueEncoding: 'json' })
    this.sumsTable = options.metadata.sublevel<string, Uint8Array>('sums', { valueEncoding: 'view' })
  }

  static async open(options: DiskBlobsOptions): Promise<DiskBlobs> {
    const blobs = new DiskBlobs(options)
    const incoming = join(options.folder, 'incoming')
    await mkdir(incoming, { recursive: true })
    for (const name of await readdir(incoming))
      await rm(join(incoming, name), { recursive: true, force: true })
    const found: [Digest, BlobRecord][] = []
    for await (const [key, record] of blobs.recordTable.iterator())
      if (isDigest(key)) found.push([key, record])
    found.sort((a, b) => a[1].used - b[1].used)
    for (const [digest, record] of found) blobs.remember(digest, record)
    return blobs
  }

  has(digest: Digest): boolean {
    return this.records.has(digest)
  }

  sizeOf(digest: Digest): number | undefined {
    return this.records.get(digest)?.size
  }

  /** Bytes of blobs that are not published. */
  get cacheBytes(): number {
    return this.cachedBytes
  }

  get count(): number {
    return this.records.size
  }

  /** A new file in the making. @throws the file system's error */
  async createSpool(): Promise<Spool> {
    return Spool.create(join(this.options.folder, 'incoming', randomUUID()))
  }

  /** Folder for other work files, removed at the next start. */
  get workFolder(): string {
    return join(this.options.folder, 'incoming')
  }

  /**
   * Make a finished, verified file count.
   *
   * @throws the file system's or the database's error; the blob then does not count
   */
  async commit(spool: Spool, blob: { digest: Digest; size: number; sums: Uint32Array }): Promise<void> {
    const { digest, size, sums } = blob
    const known = this.records.get(digest)
    if (known !== undefined && (await this.fileExists(digest))) {
      await spool.discard()
      return
    }
    const record: BlobRecord = { size, published: false, used: Date.now() }
    await mkdir(this.folderOf(digest), { recursive: true })
    await this.writeRecord(digest, record, sums)
    try {
      await spool.commit(this.pathOf(digest))
    } catch (error) {
      await this.forget(digest)
      throw error
    }
    this.remember(digest, record)
    await this.evict()
  }

  /**
   * Keep a blob, which may be one that is still to come, from being evicted.
   *
   * @returns ends that
   */
  hold(digest: Digest): () => void {
    this.holds.set(digest, (this.holds.get(digest) ?? 0) + 1)
    let ended = false
    return () => {
      if (ended) return
      ended = true
      const left = (this.holds.get(digest) ?? 1) - 1
      if (left > 0) this.holds.set(digest, left)
      else this.holds.delete(digest)
    }
  }

  /**
   * Keep blobs whatever the cache's size. The disk has their bytes when this resolves; it has the records with the next
   * record that is written through.
   *
   * @throws Failure STORE_FAILED when one of them is not here
   */
  async publish(digests: Iterable<Digest>): Promise<void> {
    const found = new Map<Digest, BlobRecord>()
    for (const digest of digests) {
      const record = this.records.get(digest)
      if (record === undefined) throw new Failure('STORE_FAILED', `the store has lost ${digest}`)
      if (!record.published) found.set(digest, record)
    }
    const files = [...found.keys()]
    await syncAll(files.map((digest) => this.pathOf(digest)))
    await syncAll([...new Set(files.map((digest) => this.folderOf(digest)))])
    const batch = this.options.metadata.batch()
    for (const [digest, record] of found) {
      batch.put(digest, { ...record, published: true }, { sublevel: this.recordTable })
    }
    await batch.write()
    for (const record of found.values()) {
      if (record.published) continue
      record.published = true
      this.cachedBytes -= record.size
    }
  }

  /**
   * Use a blob's bytes.
   *
   * @returns undefined when there is no such blob; when its file is gone, reading throws STORE_FAILED
   */
  async open(digest: Digest): Promise<StoredBlob | undefined> {
    const record = this.records.get(digest)
    if (record === undefined) return undefined
    this.touch(digest, record)
    const raw = await this.sumsTable.get(digest)
    if (raw === undefined) {
      await this.remove(digest)
      return undefined
    }
    const sums = new Uint32Array(new Uint8Array(raw).buffer)
    const { size } = record
    const file = {
      open: () => this.openFile(digest),
      size,
      sums,
      onDamage: async (position: number): Promise<Failure> => {
        await this.remove(digest)
        return new Failure('CONTENT_INVALID', `the stored copy of ${digest} is damaged at byte ${position}`)
      },
    }
    return { size, read: (start, end) => readStored(file, this.options.pool, start, end) }
  }

  /** Drop a blob that is not published; a published one stays, damaged as it may be, for what is still good of it. */
  async remove(digest: Digest): Promise<void> {
    const record = this.records.get(digest)
    if (record === undefined || record.published) return
    await this.forget(digest)
    await rm(this.pathOf(digest), { force: true })
  }

  /** Write down when blobs were last used. */
  async saveUse(): Promise<void> {
    const batch = this.options.metadata.batch()
    for (const digest of this.dirty) {
      const record = this.records.get(digest)
      if (record !== undefined) batch.put(digest, record, { sublevel: this.recordTable })
    }
    this.dirty.clear()
    await batch.write()
  }

  private async openFile(digest: Digest): Promise<FileHandle> {
    try {
      return await open(this.pathOf(digest), 'r')
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') await this.forget(digest)
      throw new Failure('STORE_FAILED', `the stored copy of ${digest} can't be read: ${messageOf(error)}`)
    }
  }

  private async fileExists(digest: Digest): Promise<boolean> {
    try {
      await (await open(this.pathOf(digest), 'r')).close()
      return true
    } catch {
      return false
    }
  }

  private async writeRecord(digest: Digest, record: BlobRecord, sums: Uint32Array): Promise<void> {
    const batch = this.options.metadata.batch()
    batch.put(digest, record, { sublevel: this.recordTable })
    const bytes = new Uint8Array(sums.buffer, sums.byteOffset, sums.byteLength)
    batch.put(digest, bytes, { sublevel: this.sumsTable })
    await batch.write()
  }

  private remember(digest: Digest, record: BlobRecord): void {
    const before = this.records.get(digest)
    if (before !== undefined && !before.published) this.cachedBytes -= before.size
    this.records.delete(digest)
    this.records.set(digest, record)
    if (!record.published) this.cachedBytes += record.size
  }

  private touch(digest: Digest, record: BlobRecord): void {
    record.used = Date.now()
    this.records.delete(digest)
    this.records.set(digest, record)
    this.dirty.add(digest)
  }

  private async forget(digest: Digest): Promise<void> {
    const record = this.records.get(digest)
    if (record !== undefined && !record.published) this.cachedBytes -= record.size
    this.records.delete(digest)
    this.dirty.delete(digest)
    const batch = this.options.metadata.batch()
    batch.del(digest, { sublevel: this.recordTable })
    batch.del(digest, { sublevel: this.sumsTable })
    await batch.write()
  }

  private async evict(): Promise<void> {
    if (this.cachedBytes <= this.options.cacheSize) return
    for (const [digest, record] of [...this.records]) {
      if (this.cachedBytes <= this.options.cacheSize) return
      if (record.published || this.holds.has(digest)) continue
      await this.remove(digest)
      this.options.onEvict?.(digest, record.size)
    }
  }

  private folderOf(digest: Digest): string {
    return join(this.options.folder, 'blobs', algorithmOf(digest), encodedOf(digest).slice(0, 2))
  }

  private pathOf(digest: Digest): string {
    return join(this.folderOf(digest), encodedOf(digest))
  }
}

/** Files or folders written through to the disk at once. */
const SYNCS = 16

async function syncAll(paths: readonly string[]): Promise<void> {
  const waiting = paths.values()
  const syncNext = async (): Promise<void> => {
    for (const path of waiting) {
      const handle = await open(path, 'r')
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(SYNCS, paths.length) }, syncNext))
}
