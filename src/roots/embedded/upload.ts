import { randomUUID } from 'node:crypto'
import type { BufferPool } from '../../cache/buffer-pool.ts'
import type { DiskBlobs } from '../../cache/disk-blobs.ts'
import { writeInTurns } from '../../cache/in-turns.ts'
import type { OpenSums } from '../../cache/stream-sums.ts'
import { IncomingFile } from '../../content/embedded/incoming-file.ts'
import { Failure } from '../../errors.ts'
import type { DigestAlgorithm } from '../../reference/digest.ts'
import type { RepositoryPlace, UploadPart, UploadStatus } from '../root-store.ts'

export interface UploadStore {
  readonly blobs: DiskBlobs
  readonly pool: BufferPool
  readonly openSums: OpenSums
}

/** A blob in the making: one file, which is open from the first byte on. */
export class Upload {
  readonly id = randomUUID()
  readonly place: RepositoryPlace
  /** Whether a request writes to it. */
  busy = false
  /** Whether it is no more. */
  ended = false
  /** ms since the epoch: when it was written to last. */
  used: number
  #file: IncomingFile | undefined
  readonly #store: UploadStore

  constructor(place: RepositoryPlace, store: UploadStore, now: number) {
    this.place = place
    this.used = now
    this.#store = store
  }

  get status(): UploadStatus {
    return { id: this.id, size: this.#file?.size ?? 0 }
  }

  /**
   * Write the next bytes. What came before a part breaks off is kept, and is in the file.
   *
   * @param algorithm that the digest will have, as far as that is known
   */
  async take(part: UploadPart, algorithm: DigestAlgorithm, signal: AbortSignal): Promise<void> {
    const { size } = this.status
    if (part.start !== undefined && part.start !== size) {
      throw new Failure('RANGE_INVALID', `the upload goes on at byte ${size}, not at ${part.start}`, {
        detail: { size },
      })
    }
    const { pool } = this.#store
    const buffers = [pool.take(), pool.take()] as const
    try {
      await this.#write(this.#counted(part, signal), buffers, algorithm, part.length)
    } finally {
      for (const buffer of buffers) pool.give(buffer)
    }
  }

  /** All that came, which may be nothing. @param size bytes that are expected, where it is a new file */
  async file(algorithm: DigestAlgorithm, size: number): Promise<IncomingFile> {
    const { blobs, openSums } = this.#store
    return (this.#file ??= await IncomingFile.create(blobs, { algorithm, size, openSums }))
  }

  /** Remove what is not kept. */
  async discard(): Promise<void> {
    await this.#file?.discard()
  }

  async #write(
    pieces: AsyncIterable<Uint8Array>,
    buffers: readonly [Buffer, Buffer],
    algorithm: DigestAlgorithm,
    length: number | undefined,
  ): Promise<void> {
    try {
      await writeInTurns(pieces, buffers, async (bytes, last) => {
        // Where it is not said how much comes, what does not fill a buffer is taken for all of it.
        const expected = length ?? (last ? bytes.length : Infinity)
        await (await this.file(algorithm, expected)).write(bytes)
      })
    } finally {
      await this.#file?.flush()
    }
  }

  /** @throws Failure UPLOAD_INVALID when there are fewer or more than the client says */
  async *#counted({ bytes, length }: UploadPart, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const said = length ?? Infinity
    let count = 0
    for await (const piece of bytes) {
      signal.throwIfAborted()
      if (this.ended) throw unknownUpload(this.id)
      count += piece.length
      if (count > said) throw new Failure('UPLOAD_INVALID', `more came than the ${said} bytes announced`)
      yield piece
    }
    signal.throwIfAborted()
    if (length !== undefined && count < length) {
      throw new Failure('UPLOAD_INVALID', `${count} bytes came of the ${length} announced`)
    }
  }
}

export function unknownUpload(id: string): Failure {
  const message = `there is no upload ${id.slice(0, 100)} in this repository: it has ended, or timed out`
  return new Failure('UPLOAD_UNKNOWN', message)
}
