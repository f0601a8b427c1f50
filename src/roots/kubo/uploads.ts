import { Failure } from '../../errors.ts'
import type { AddedFile } from '../../publish/target.ts'
import { algorithmOf, digestOf } from '../../reference/digest.ts'
import type { Digest } from '../../reference/digest.ts'
import type { RepositoryPlace, UploadPart, UploadStatus, Uploads } from '../root-store.ts'
import { finishedFile } from './finished-file.ts'
import type { Node } from './node.ts'
import type { SegmentLimits } from './part-reader.ts'
import { RunningHash, RunningHashes } from './running-hashes.ts'
import type { KuboStagedBlobs } from './staged-blobs.ts'
import { readUpload, unknownUpload } from './upload-content.ts'
import type { StoredPart, UploadContent } from './upload-content.ts'
import { newUploadId } from './upload-id.ts'
import { UploadWriter } from './upload-writer.ts'

const MiB = 1024 * 1024
/** What is added to Kubo at a time where the options do not say it. */
const SEGMENT = { bytes: 1024 * MiB, time: 10_000 }

export interface KuboUploadsOptions {
  /** ms that an upload without a request is kept. */
  readonly timeout: number
  /** What is added to Kubo at a time: while it lasts, Kubo can't collect garbage. Default: 1 GiB, 10 s. */
  readonly segment?: SegmentLimits | undefined
}

/** Uploads are folders of MFS, with an entry for each run of bytes, so that any gateway can go on with them. */
export class KuboUploads implements Uploads {
  readonly #node: Node
  readonly #staged: KuboStagedBlobs
  readonly #hashes: RunningHashes
  readonly #timeout: number
  readonly #segment: SegmentLimits
  /** Those that a request writes to here. */
  readonly #writing = new Set<string>()

  constructor(node: Node, staged: KuboStagedBlobs, { timeout, segment = SEGMENT }: KuboUploadsOptions) {
    this.#node = node
    this.#staged = staged
    this.#timeout = timeout
    this.#segment = { ...segment, time: Math.min(segment.time, timeout / 4) }
    this.#hashes = new RunningHashes(timeout)
  }

  async begin(place: RepositoryPlace, signal: AbortSignal): Promise<UploadStatus> {
    const { writer, folders, now } = this.#node
    const id = newUploadId(place, now())
    await writer.change(signal, (change) => change.makeFolder(folders.upload(id)))
    return { id, size: 0 }
  }

  async status(place: RepositoryPlace, id: string, signal: AbortSignal): Promise<UploadStatus> {
    const { size } = await readUpload(this.#node, place, id, signal)
    return { id, size }
  }

  append(place: RepositoryPlace, id: string, part: UploadPart, signal: AbortSignal): Promise<UploadStatus> {
    return this.#alone(id, async () => {
      const content = await readUpload(this.#node, place, id, signal)
      const parts = await this.#write(id, content, part, undefined, signal)
      return { id, size: sizeOf(parts) }
    })
  }

  finish(
    place: RepositoryPlace,
    id: string,
    digest: Digest,
    part: UploadPart | undefined,
    signal: AbortSignal,
  ): Promise<AddedFile> {
    return this.#alone(id, async () => {
      const content = await readUpload(this.#node, place, id, signal)
      const parts = await this.#write(id, content, part, digest, signal)
      const hash = this.#hashes.after(id, sizeOf(parts))
      const algorithm = algorithmOf(digest)
      const known = hash?.algorithm === algorithm ? digestOf(algorithm, hash.digest()) : undefined
      const finished = await finishedFile(this.#node, id, parts, known ?? algorithm, signal)
      if (finished.digest !== digest) {
        await this.#remove(id, signal)
        throw new Failure('DIGEST_INVALID', `what was uploaded is ${finished.digest}, not ${digest}`)
      }
      await this.#stage(place, id, digest, finished.file, signal)
      return finished.file
    })
  }

  async cancel(place: RepositoryPlace, id: string, signal: AbortSignal): Promise<void> {
    await readUpload(this.#node, place, id, signal)
    if (!(await this.#remove(id, signal))) throw unknownUpload(id)
  }

  /** @param last the digest of the blob where it ends with this part; without any byte it has an empty part */
  async #write(
    id: string,
    content: UploadContent,
    part: UploadPart | undefined,
    last: Digest | undefined,
    signal: AbortSignal,
  ): Promise<readonly StoredPart[]> {
    const { size } = content
    if (part?.start !== undefined && part.start !== size) {
      const message = `the upload has ${size} bytes, so the next part begins there, not at ${part.start}`
      throw new Failure('RANGE_INVALID', message, { detail: { size } })
    }
    const writer = new UploadWriter(this.#node, id, content, {
      limits: this.#segment,
      noteEvery: this.#timeout / 8,
      hash: this.#hashes.after(id, size) ?? (size === 0 ? newHash(last) : undefined),
      onStored: (stored, hash) => {
        if (hash !== undefined) this.#hashes.keep(id, stored, hash)
      },
      signal,
    })
    const parts = part === undefined ? content.parts : await writer.write(part)
    return last !== undefined && parts.length === 0 ? writer.writeNothing() : parts
  }

  /** Make the file of an upload a staged blob, and end the upload. */
  async #stage(
    place: RepositoryPlace,
    id: string,
    digest: Digest,
    { cid }: AddedFile,
    signal: AbortSignal,
  ): Promise<void> {
    const { writer, folders } = this.#node
    const { value: held } = await writer.change(signal, async (change) => {
      await this.#staged.add(change, place, digest, cid)
      // As long as the upload was there, so was all of it.
      return change.remove(folders.upload(id))
    })
    this.#hashes.drop(id)
    if (held) return
    await this.#staged.drop(place, [digest], signal)
    throw unknownUpload(id)
  }

  async #remove(id: string, signal: AbortSignal): Promise<boolean> {
    const { writer, folders } = this.#node
    this.#hashes.drop(id)
    return (await writer.change(signal, (change) => change.remove(folders.upload(id)))).value
  }

  async #alone<T>(id: string, action: () => Promise<T>): Promise<T> {
    if (this.#writing.has(id)) {
      throw new Failure('UPLOAD_INVALID', `another request writes to the upload "${id.slice(0, 100)}"`)
    }
    this.#writing.add(id)
    try {
      return await action()
    } finally {
      this.#writing.delete(id)
    }
  }
}

function newHash(digest: Digest | undefined): RunningHash {
  return new RunningHash(digest === undefined ? 'sha256' : algorithmOf(digest))
}

function sizeOf(parts: readonly StoredPart[]): number {
  return parts.reduce((sum, { size }) => sum + size, 0)
}
