import { BufferPool } from '../../cache/buffer-pool.ts'
import type { OpenSums } from '../../cache/stream-sums.ts'
import { Failure, isFailure } from '../../errors.ts'
import type { AddedFile } from '../../publish/target.ts'
import { algorithmOf, type Digest } from '../../reference/digest.ts'
import type { RepositoryPlace, UploadPart, Uploads, UploadStatus } from '../root-store.ts'
import type { KeptContent } from './kept-content.ts'
import type { StagedFiles } from './staged-files.ts'
import { unknownUpload, Upload } from './upload.ts'

/** Each may have a file open. */
export const MAX_UPLOADS = 1000

/** ms after which an upload that nobody writes to may have to make room for another. */
const MAY_GO_AFTER = 5 * 60_000

/**
 * Bytes: while so much is lent out, each further upload that is being written gets the small size. Each buffer costs a
 * message to the thread that hashes, and another back.
 */
const BUFFERS = { large: 512 * 1024, small: 64 * 1024, limit: 8 * 1024 * 1024 }

export interface EmbeddedUploadsOptions {
  readonly kept: KeptContent
  readonly staged: StagedFiles
  readonly maxUploads: number
  /** What hashes the blobs. */
  readonly openSums: OpenSums
  /** ms since the epoch */
  readonly now: () => number
}

/** Uploads live as long as this process: what is left of them in files is removed at the next start. */
export class EmbeddedUploads implements Uploads {
  readonly #uploads = new Map<string, Upload>()
  readonly #pool = new BufferPool(BUFFERS)
  readonly #options: EmbeddedUploadsOptions

  constructor(options: EmbeddedUploadsOptions) {
    this.#options = options
  }

  async begin(place: RepositoryPlace, signal: AbortSignal): Promise<UploadStatus> {
    signal.throwIfAborted()
    if (this.#uploads.size >= this.#options.maxUploads) await this.#makeRoom()
    const { kept, openSums, now } = this.#options
    const upload = new Upload(place, { blobs: kept.blobs, pool: this.#pool, openSums }, now())
    this.#uploads.set(upload.id, upload)
    return upload.status
  }

  async status(place: RepositoryPlace, id: string, signal: AbortSignal): Promise<UploadStatus> {
    signal.throwIfAborted()
    return this.#find(place, id).status
  }

  append(place: RepositoryPlace, id: string, part: UploadPart, signal: AbortSignal): Promise<UploadStatus> {
    return this.#writing(place, id, async (upload) => {
      await upload.take(part, 'sha256', signal)
      return upload.status
    })
  }

  finish(
    place: RepositoryPlace,
    id: string,
    digest: Digest,
    part: UploadPart | undefined,
    signal: AbortSignal,
  ): Promise<AddedFile> {
    return this.#writing(place, id, async (upload) => {
      if (part !== undefined) await upload.take(part, algorithmOf(digest), signal)
      return this.#finishWhole(upload, digest, signal)
    })
  }

  async cancel(place: RepositoryPlace, id: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await this.#end(this.#find(place, id))
  }

  /** End those that nobody has written to for so many ms. */
  async endIdle(timeout: number): Promise<void> {
    const since = this.#options.now() - timeout
    for (const upload of [...this.#uploads.values()]) {
      if (!upload.busy && upload.used <= since) await this.#end(upload)
    }
  }

  /** End all of them. */
  async close(): Promise<void> {
    for (const upload of [...this.#uploads.values()]) await this.#end(upload)
  }

  async #finishWhole(upload: Upload, digest: Digest, signal: AbortSignal): Promise<AddedFile> {
    const algorithm = algorithmOf(digest)
    const file = await upload.file(algorithm, 0)
    const reread =
      file.algorithm === algorithm ? undefined : await file.digestBy(algorithm, this.#pool, signal)
    const whole = await file.finish()
    try {
      const found = reread ?? whole.digest
      if (found !== digest) {
        const message = `the ${file.size} bytes of this upload are ${found}, not ${digest}`
        throw new Failure('DIGEST_INVALID', message)
      }
      return await this.#options.staged.take(upload.place, digest, file, whole.dag)
    } finally {
      // Nothing can follow what has been finished, whatever became of it.
      await this.#end(upload)
    }
  }

  async #writing<Result>(
    place: RepositoryPlace,
    id: string,
    write: (upload: Upload) => Promise<Result>,
  ): Promise<Result> {
    const upload = this.#find(place, id)
    if (upload.busy) throw new Failure('UPLOAD_INVALID', 'another request writes to this upload')
    upload.busy = true
    try {
      return await write(upload)
    } catch (error) {
      // Not all that was hashed is in the file.
      if (isFailure(error, 'STORE_FAILED')) await this.#end(upload)
      throw error
    } finally {
      upload.busy = false
      upload.used = this.#options.now()
      if (upload.ended) await upload.discard()
    }
  }

  #find(place: RepositoryPlace, id: string): Upload {
    const upload = this.#uploads.get(id)
    const isThere = upload?.place.root === place.root && upload.place.repository === place.repository
    if (!isThere) throw unknownUpload(id)
    return upload
  }

  /** Whoever writes to it removes the file. */
  async #end(upload: Upload): Promise<void> {
    this.#uploads.delete(upload.id)
    upload.ended = true
    if (!upload.busy) await upload.discard()
  }

  async #makeRoom(): Promise<void> {
    let oldest: Upload | undefined
    for (const upload of this.#uploads.values()) {
      if (!upload.busy && upload.used < (oldest?.used ?? Infinity)) oldest = upload
    }
    if (oldest !== undefined && oldest.used <= this.#options.now() - MAY_GO_AFTER) {
      await this.#end(oldest)
      return
    }
    throw new Failure('OVERLOADED', `${this.#uploads.size} uploads are under way, which is the limit`)
  }
}
