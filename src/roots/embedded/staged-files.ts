import { CID } from 'multiformats/cid'
import { Turns } from '../../cache/turns.ts'
import { storing, type IncomingFile } from '../../content/embedded/incoming-file.ts'
import type { FileDag } from '../../content/unixfs/file-dag.ts'
import { Failure } from '../../errors.ts'
import type { AddedFile } from '../../publish/target.ts'
import type { Digest } from '../../reference/digest.ts'
import type { RepositoryPlace, StagedBlobs } from '../root-store.ts'
import type { KeptContent } from './kept-content.ts'

interface StagedRecord {
  readonly cid: string
  readonly size: number
  readonly dagSize: number
  /** ms since the epoch: when it was staged, or asked for so much later that it counts as staged again. */
  readonly at: number
}

export interface StagedFilesOptions {
  readonly kept: KeptContent
  /** ms that a blob is kept without a manifest. */
  readonly timeout: number
  /** ms since the epoch */
  readonly now: () => number
}

/** Keeping the content does not wait for those who have left. */
const NEVER = new AbortController().signal

/** Which blobs a repository has taken. They are published as blobs, so that nothing evicts them. */
export class StagedFiles implements StagedBlobs {
  /** Root, repository and digest, with a NUL between. */
  readonly #records
  /** Changes of one record. */
  readonly #turns = new Turns<string>()
  readonly #kept: KeptContent
  readonly #timeout: number
  readonly #now: () => number

  constructor({ kept, timeout, now }: StagedFilesOptions) {
    this.#kept = kept
    this.#timeout = timeout
    this.#now = now
    this.#records = kept.metadata.sublevel<string, StagedRecord>('staged', { valueEncoding: 'json' })
  }

  /** Keep a finished upload, whose bytes have this digest. */
  async take(place: RepositoryPlace, digest: Digest, file: IncomingFile, dag: FileDag): Promise<AddedFile> {
    const { blobs, changes } = this.#kept
    const endHold = blobs.hold(digest)
    try {
      // The long part of it before others have to wait.
      if (!blobs.has(digest)) await file.sync()
      return await changes.shared(NEVER, async () => {
        const added = await file.keep(this.#kept, digest, dag)
        await this.#put(place, digest, added, digest)
        return added
      })
    } finally {
      endHold()
    }
  }

  async find(place: RepositoryPlace, digest: Digest, signal: AbortSignal): Promise<AddedFile | undefined> {
    signal.throwIfAborted()
    const key = keyOf(place, digest)
    const record = await storing(() => this.#records.get(key))
    if (record === undefined) return undefined
    const cid = CID.parse(record.cid)
    if ((await this.#blobOf(cid)) === undefined) return undefined
    if (record.at <= this.#now() - this.#timeout / 2) await this.#touch(key)
    return { cid, size: record.size, dagSize: record.dagSize }
  }

  /** @throws Failure CONTENT_NOT_FOUND when the store has no such file */
  async stage(place: RepositoryPlace, digest: Digest, file: AddedFile, signal: AbortSignal): Promise<void> {
    await this.#kept.changes.shared(signal, async () => {
      const blob = await this.#blobOf(file.cid)
      if (blob === undefined) {
        throw new Failure('CONTENT_NOT_FOUND', `the store does not have ${digest} any more`)
      }
      const endHold = this.#kept.blobs.hold(blob)
      try {
        await this.#put(place, digest, file, blob)
      } finally {
        endHold()
      }
    })
  }

  async drop(place: RepositoryPlace, digests: readonly Digest[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await storing(() => this.#records.batch(digests.map((one) => ({ type: 'del', key: keyOf(place, one) }))))
  }

  /** Drop what has been here for too long. */
  async dropOld(signal: AbortSignal): Promise<void> {
    for await (const [key, record] of this.#records.iterator()) {
      signal.throwIfAborted()
      if (!this.#isOld(record)) continue
      await this.#turns.take(key, async () => {
        const current = await this.#records.get(key)
        if (current !== undefined && this.#isOld(current)) await this.#records.del(key)
      })
    }
  }

  /** Files that are staged somewhere. */
  async *files(): AsyncGenerator<CID, void, undefined> {
    for await (const { cid } of this.#records.values()) yield CID.parse(cid)
  }

  /** As {@link files}, without those that {@link dropOld} would drop. */
  async *current(): AsyncGenerator<CID, void, undefined> {
    for await (const record of this.#records.values()) if (!this.#isOld(record)) yield CID.parse(record.cid)
  }

  #isOld({ at }: StagedRecord): boolean {
    return at <= this.#now() - this.#timeout
  }

  /** The blob that a file of the store is; undefined where it has no such file. */
  async #blobOf(cid: CID): Promise<Digest | undefined> {
    const file = await storing(() => this.#kept.table.file(cid))
    return file !== undefined && this.#kept.blobs.has(file.digest) ? file.digest : undefined
  }

  /** Everything written before is durable with the record. */
  async #put(place: RepositoryPlace, digest: Digest, file: AddedFile, blob: Digest): Promise<void> {
    const { cid, size, dagSize } = file
    const key = keyOf(place, digest)
    await storing(async () => {
      await this.#kept.blobs.publish([blob])
      const record = { cid: cid.toString(), size, dagSize, at: this.#now() }
      const batch = this.#kept.metadata.batch().put(key, record, { sublevel: this.#records })
      await this.#turns.take(key, () => batch.write({ sync: true }))
    })
    await this.#kept.kept(cid)
  }

  /** Who was told that it is here counts on it. */
  async #touch(key: string): Promise<void> {
    await this.#turns.take(key, async () => {
      const record = await this.#records.get(key)
      if (record !== undefined) await this.#records.put(key, { ...record, at: this.#now() })
    })
  }
}

function keyOf({ root, repository }: RepositoryPlace, digest: Digest): string {
  return `${root}\0${repository}\0${digest}`
}
