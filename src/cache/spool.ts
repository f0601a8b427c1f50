import { open, rename, unlink, type FileHandle } from 'node:fs/promises'
import type { BufferPool } from './buffer-pool.ts'

/** Bytes gathered before they are written. */
const BATCH = 512 * 1024

/**
 * Bytes given to the kernel at once. For more it wants larger stretches of memory, and takes two to five times as long
 * where those have to come from a hypervisor; for less there are more of them.
 */
const LARGEST_WRITE = 64 * 1024

/** Bytes after which it is looked again whether there is room for more. */
const CHECK_EVERY = 4 * 1024 * 1024

/**
 * Writes a piece of shared memory, all of it, in another thread; undefined where there is none. Nothing may be done to
 * the file or the piece before it has settled.
 *
 * @param file descriptor of an open file
 * @param position byte of the file at which the piece begins
 * @throws Error with the file system's `code`; Failure CONTENT_UNAVAILABLE when the thread is lost
 */
export type WriteShared = (file: number, piece: Uint8Array, position: number) => Promise<void> | undefined

export interface SpoolOptions {
  /** Throws where no more should be written. */
  readonly checkRoom?: () => Promise<void>
  /** Default: everything is written by this thread's own means. */
  readonly writeShared?: WriteShared | undefined
}

/** A file in the making: appended to by one writer, read by many up to what is written. */
export class Spool {
  /** Bytes on disk, from the start. */
  written = 0
  private batch: Uint8Array[] = []
  private batched = 0
  private writing: Promise<void> = Promise.resolve()
  private checked = 0
  private readonly file: FileHandle
  private readonly path: string
  private readonly options: SpoolOptions

  private constructor(file: FileHandle, path: string, options: SpoolOptions) {
    this.file = file
    this.path = path
    this.options = options
  }

  /** @throws the file system's error, and what `checkRoom` throws */
  static async create(path: string, options: SpoolOptions = {}): Promise<Spool> {
    await options.checkRoom?.()
    return new Spool(await open(path, 'wx+'), path, options)
  }

  /**
   * Append a piece, which the caller leaves unchanged from now on. Resolves at once until a batch is full, then when
   * the batch before has been written.
   *
   * @throws the file system's error of this or an earlier write
   */
  async append(piece: Uint8Array): Promise<void> {
    this.batch.push(piece)
    this.batched += piece.length
    if (this.batched >= BATCH) await this.writeBatch()
  }

  /**
   * Append a piece and begin to write it. Resolves when everything before it has been written: what was written before
   * is the caller's again.
   *
   * @throws the file system's error of an earlier write
   */
  async write(piece: Uint8Array): Promise<void> {
    this.batch.push(piece)
    this.batched += piece.length
    await this.writeBatch()
  }

  /** Resolves when the disk has all that was appended. @throws the file system's error */
  async sync(): Promise<void> {
    await this.flush()
    await this.file.datasync()
  }

  /** @throws the file system's error */
  async flush(): Promise<void> {
    if (this.batched > 0) await this.writeBatch()
    await this.writing
  }

  /** Up to `length` bytes from `position`, which must be below {@link written}; the caller gives `buffer` back. */
  async read(position: number, length: number, pool: BufferPool): Promise<{ buffer: Buffer; bytes: number }> {
    const buffer = pool.take()
    try {
      const want = Math.min(length, buffer.length, this.written - position)
      const { bytesRead } = await this.file.read(buffer, 0, want, position)
      return { buffer, bytes: bytesRead }
    } catch (error) {
      pool.give(buffer)
      throw error
    }
  }

  /**
   * Exactly the bytes from `position` on that `buffer` has room for, all of which must be {@link written}.
   *
   * @throws the file system's error, and one when the file is shorter than it was
   */
  async readInto(buffer: Uint8Array, position: number): Promise<void> {
    for (let filled = 0; filled < buffer.byteLength;) {
      const { bytesRead } = await this.file.read(
        buffer,
        filled,
        buffer.byteLength - filled,
        position + filled,
      )
      if (bytesRead === 0) throw new Error(`${this.path} ends at ${position + filled}`)
      filled += bytesRead
    }
  }

  /** Move the finished file to its place; it stays readable here. */
  async commit(target: string): Promise<void> {
    await this.flush()
    await rename(this.path, target)
  }

  /** Remove the file; what is open stays readable until {@link close}. */
  async discard(): Promise<void> {
    await unlink(this.path).catch(() => undefined)
  }

  async close(): Promise<void> {
    await this.writing.catch(() => undefined)
    await this.file.close().catch(() => undefined)
  }

  private async writeBatch(): Promise<void> {
    const pieces = this.batch
    this.batch = []
    this.batched = 0
    await this.writing
    this.writing = this.writeAll(pieces)
    this.writing.catch(() => undefined)
  }

  private async writeAll(pieces: Uint8Array[]): Promise<void> {
    if (this.written - this.checked >= CHECK_EVERY) {
      this.checked = this.written
      await this.options.checkRoom?.()
    }
    for (let rest = pieces; rest.length > 0;) {
      const bytes = await this.writeStart(rest)
      this.written += bytes
      rest = skip(rest, bytes)
    }
  }

  /** Resolves to the bytes that were written, of the first of `pieces` at least some. */
  private async writeStart(pieces: Uint8Array[]): Promise<number> {
    const [first] = pieces
    if (first?.buffer instanceof SharedArrayBuffer) {
      const elsewhere = this.options.writeShared?.(this.file.fd, first, this.written)
      if (elsewhere !== undefined) {
        await elsewhere
        return first.length
      }
    }
    const { bytesWritten } = await this.file.writev(start(pieces, LARGEST_WRITE), this.written)
    return bytesWritten
  }
}

/** The first `count` bytes of `pieces`, or all where there are no more. */
function start(pieces: Uint8Array[], count: number): Uint8Array[] {
  const first: Uint8Array[] = []
  for (const piece of pieces) {
    if (count === 0) break
    const part = piece.subarray(0, count)
    first.push(part)
    count -= part.length
  }
  return first
}

/** What remains of `pieces` after their first `count` bytes. */
function skip(pieces: Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = []
  for (const piece of pieces) {
    if (count >= piece.length) count -= piece.length
    else {
      rest.push(piece.subarray(count))
      count = 0
    }
  }
  return rest
}
