import type { FileHandle } from 'node:fs/promises'
import { Failure, messageOf } from '../errors.ts'
import type { BufferPool } from './buffer-pool.ts'
import { CHUNK, sumsMatch } from './chunk-sums.ts'

/** A stored blob that is open for reading. */
export interface StoredBlob {
  readonly size: number
  /** Pieces of the range, each checked against its checksums; a piece is valid until the next is asked for. */
  read(start: number, end: number): AsyncGenerator<Uint8Array>
}

/** What is known of a stored file. */
export interface StoredFile {
  /** Opens the file; whoever reads closes it. */
  readonly open: () => Promise<FileHandle>
  readonly size: number
  readonly sums: Uint32Array
  /** Called when bytes at this offset differ from their checksum; returns what to throw. */
  readonly onDamage: (position: number) => Promise<Failure>
}

/**
 * Read a part of a stored file, each piece checked before it is passed on, and one buffer ahead as long as there are
 * buffers enough.
 */
export async function* readStored(
  stored: StoredFile,
  pool: BufferPool,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  const { size, sums } = stored
  const file = await stored.open()
  let next: Promise<{ buffer: Buffer; bytes: number }> | undefined
  let lent: Buffer | undefined
  try {
    for (let position = Math.floor(start / CHUNK) * CHUNK; position < end;) {
      const { buffer, bytes } = await (next ?? readChunks(file, pool, position, size))
      next = undefined
      lent = buffer
      const piece = buffer.subarray(0, bytes)
      const following = position + bytes
      if (bytes > 0 && following < end && !pool.scarce) {
        next = readChunks(file, pool, following, size)
        next.catch(() => undefined)
      }
      if (bytes === 0 || !sumsMatch(piece, position / CHUNK, sums)) throw await stored.onDamage(position)
      yield piece.subarray(Math.max(0, start - position), Math.min(bytes, end - position))
      pool.give(buffer)
      lent = undefined
      position = following
    }
  } finally {
    if (lent !== undefined) pool.give(lent)
    await next?.then(({ buffer }) => pool.give(buffer)).catch(() => undefined)
    await file.close()
  }
}

async function readChunks(
  file: FileHandle,
  pool: BufferPool,
  position: number,
  size: number,
): Promise<{ buffer: Buffer; bytes: number }> {
  const buffer = pool.take()
  try {
    const want = Math.min(buffer.length, size - position)
    let bytes = 0
    while (bytes < want) {
      const { bytesRead } = await file.read(buffer, bytes, want - bytes, position + bytes)
      if (bytesRead === 0) break
      bytes += bytesRead
    }
    return { buffer, bytes }
  } catch (error) {
    pool.give(buffer)
    throw new Failure('STORE_FAILED', `a stored blob can't be read: ${messageOf(error)}`, { cause: error })
  }
}
