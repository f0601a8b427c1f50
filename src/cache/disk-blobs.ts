import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, messageOf, systemCodeOf } from '../errors.ts'
import type { Digest } from '../reference/digest.ts'
import { BlobFiles } from './blob-files.ts'
import { BlobRecords, type BlobRecord } from './blob-records.ts'
import type { BufferPool } from './buffer-pool.ts'
import { checkDiskRoom } from './disk-room.ts'
import { KnownBlobs } from './known-blobs.ts'
import type { Metadata } from './metadata.ts'
import { Spool, type WriteShared } from './spool.ts'
import { readStored, type StoredBlob } from './stored-blob.ts'
import { syncFiles } from './sync-files.ts'
import { Turns } from './turns.ts'

export interface DiskBlobsOptions {
  /** The store's folder; holds `blobs/` and `incoming/`. */
  readonly folder: string
  readonly metadata: Metadata
  /** Bytes of blobs that are not published. */
  readonly cacheSize: number
  readonly pool: BufferPool
  /** How pieces of shared memory are written. */
  readonly writeShared?: WriteShared | undefined
  readonly onEvict?: (digest: Digest, size: number) => void
}

/**
 * Blobs on disk, one file each, with checksums beside them. A blob counts when its record is there and its file in
 * place; files in the making live in `incoming/`, which is emptied at the start. Records are written before the
 * file is moved into place, so that a crash leaves at most a record without file, which counts as absent.
 */
export class DiskBlobs {
  private readonly records = new KnownBlobs()
  private readonly dirty = new Set<Digest>()
  /** How many hold a blob that is not to be evicted meanwhile. */
  private readonly holds = new Map<Digest, number>()
  /** A file must not be removed that has just been put in its place again. */
  private readonly turns = new Turns<Digest>()
  private readonly options: DiskBlobsOptions
  private readonly files: BlobFiles
  private readonly written: BlobRecords

  private constructor(options: DiskBlobsOptions) {
    this.options = options
    this.files = new BlobFiles(options.folder)
    this.written = new BlobRecords(options.metadata)
  }

  static async open(options: DiskBlobsOptions): Promise<DiskBlobs> {
    const blobs = new DiskBlobs(options)
    const incoming = join(options.folder, 'incoming')
    await mkdir(incoming, { recursive: true })
    for (const name of await readdir(incoming))
      await rm(join(incoming, name), { recursive: true, force: true })
    for (const [digest, record] of await blobs.written.load()) blobs.records.add(digest, record)
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
    return this.records.cachedBytes
  }

  get count(): number {
    return this.records.count
  }

  /** Those that are kept whatever the cache's size, as they are now. */
  published(): { digest: Digest; size: number }[] {
    return this.records.allPublished()
  }

  /** A new file in the making. @throws the file system's error, ENOSPC before the disk is full to the last byte */
  async createSpool(): Promise<Spool> {
    const { workFolder } = this
    const { writeShared } = this.options
    const checkRoom = (): Promise<void> => checkDiskRoom(workFolder)
    return Spool.create(join(workFolder, randomUUID()), { checkRoom, writeShared })
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
    await this.turns.take(blob.digest, () => this.place(spool, blob))
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
    const wanted = new Map<Digest, BlobRecord>()
    for (const digest of digests) {
      const record = this.records.get(digest)
      if (record === undefined) throw new Failure('STORE_FAILED', `the store has lost ${digest}`)
      wanted.set(digest, record)
    }
    const found = [...wanted].filter(([, record]) => !record.published)
    await syncFiles(found.map(([digest]) => this.files.pathOf(digest)))
    await syncFiles([...new Set(found.map(([digest]) => this.files.folderOf(digest)))])
    const changed = found.filter(([digest, record]) => this.records.setPublished(digest, record, true))
    try {
      // Also where nothing is new: another one's records may be on their way still.
      await this.written.update(changed)
    } catch (error) {
      for (const [digest, record] of changed) this.records.setPublished(digest, record, false)
      throw error
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
    const sums = await this.written.sumsOf(digest)
    if (sums === undefined) {
      await this.remove(digest)
      return undefined
    }
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
    await this.drop(digest, ({ published }) => !published)
  }

  /** Drop a blob, published or not, unless somebody holds it. @returns whether it is gone */
  async discard(digest: Digest): Promise<boolean> {
    return this.drop(digest, () => !this.holds.has(digest))
  }

  /** Remove files that a crash has left and that count for nothing. */
  async removeStrays(signal: AbortSignal): Promise<void> {
    for await (const digest of this.files.all()) {
      signal.throwIfAborted()
      if (this.records.has(digest)) continue
      await this.turns.take(digest, async () => {
        if (!this.records.has(digest)) await this.files.remove(digest)
      })
    }
  }

  /** Write down when blobs were last used. */
  async saveUse(): Promise<void> {
    await this.written.update(this.takeDirty())
  }

  private *takeDirty(): Generator<[Digest, BlobRecord], void, undefined> {
    for (const digest of this.dirty) {
      const record = this.records.get(digest)
      if (record !== undefined) yield [digest, record]
    }
    this.dirty.clear()
  }

  private async place(
    spool: Spool,
    { digest, size, sums }: { digest: Digest; size: number; sums: Uint32Array },
  ): Promise<void> {
    if (this.records.has(digest) && (await this.files.exists(digest))) {
      await spool.discard()
      return
    }
    const record: BlobRecord = { size, published: false, used: Date.now() }
    await this.files.makeFolder(digest)
    await this.written.put(digest, record, sums)
    try {
      await spool.commit(this.files.pathOf(digest))
    } catch (error) {
      await this.forget(digest)
      throw error
    }
    this.records.set(digest, record)
  }

  private drop(digest: Digest, mayGo: (record: BlobRecord) => boolean): Promise<boolean> {
    return this.turns.take(digest, async () => {
      const record = this.records.get(digest)
      if (record === undefined || !mayGo(record)) return false
      await this.forget(digest)
      await this.files.remove(digest)
      return true
    })
  }

  private async openFile(digest: Digest): Promise<FileHandle> {
    try {
      return await this.files.open(digest)
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') await this.turns.take(digest, () => this.forgetLost(digest))
      throw new Failure('STORE_FAILED', `the stored copy of ${digest} can't be read: ${messageOf(error)}`)
    }
  }

  private async forgetLost(digest: Digest): Promise<void> {
    if (this.records.has(digest) && !(await this.files.exists(digest))) await this.forget(digest)
  }

  private touch(digest: Digest, record: BlobRecord): void {
    this.records.touch(digest, record)
    this.dirty.add(digest)
  }

  private async forget(digest: Digest): Promise<void> {
    this.records.delete(digest)
    this.dirty.delete(digest)
    await this.written.delete(digest)
  }

  private async evict(): Promise<void> {
    const { cacheSize, onEvict } = this.options
    if (this.cacheBytes <= cacheSize) return
    for (const [digest, { size }] of this.records.leastUsed()) {
      if (this.cacheBytes <= cacheSize) return
      if (this.holds.has(digest)) continue
      const gone = await this.drop(digest, ({ published }) => !published && !this.holds.has(digest))
      if (gone) onEvict?.(digest, size)
    }
  }
}
