import { crc32 } from 'node:zlib'

/** Bytes that one checksum covers. */
export const CHUNK = 256 * 1024

/** CRC-32 of each {@link CHUNK} of a stream, computed as the pieces go by. */
export class ChunkSums {
  private readonly done: number[] = []
  private current = 0
  private filled = 0

  update(piece: Uint8Array): void {
    let offset = 0
    while (offset < piece.length) {
      const take = Math.min(CHUNK - this.filled, piece.length - offset)
      this.current = crc32(piece.subarray(offset, offset + take), this.current)
      this.filled += take
      offset += take
      if (this.filled === CHUNK) this.closeChunk()
    }
  }

  /** Append the sums of whole chunks that were computed elsewhere. */
  add(sums: readonly number[]): void {
    this.done.push(...sums)
  }

  /** Chunks whose sum is known. */
  get complete(): number {
    return this.done.length
  }

  sum(chunk: number): number | undefined {
    return this.done[chunk]
  }

  /** The sums of everything written; call once, at the end. */
  finish(): Uint32Array {
    if (this.filled > 0) this.closeChunk()
    return Uint32Array.from(this.done)
  }

  private closeChunk(): void {
    this.done.push(this.current)
    this.current = 0
    this.filled = 0
  }
}

/** Whether `bytes`, which start at a chunk's start and end at a chunk's or the file's end, have these sums. */
export function sumsMatch(bytes: Uint8Array, firstChunk: number, sums: Uint32Array): boolean {
  for (let offset = 0, chunk = firstChunk; offset < bytes.length; offset += CHUNK, chunk += 1) {
    if (crc32(bytes.subarray(offset, offset + CHUNK)) !== sums[chunk]) return false
  }
  return true
}

/**
 * The chunks of a stream that starts at a chunk's start, each passed on only when it has the expected sum, up to the
 * first whose sum is not known yet. A chunk is valid until the next one is asked for.
 *
 * @param onMismatch makes the error to throw
 */
export async function* checkedChunks(
  body: AsyncIterable<Uint8Array>,
  firstChunk: number,
  sums: ChunkSums,
  onMismatch: () => Error,
): AsyncGenerator<Uint8Array> {
  const held = Buffer.allocUnsafeSlow(CHUNK)
  let chunk = firstChunk
  let filled = 0
  const close = (): Uint8Array => {
    const bytes = held.subarray(0, filled)
    if (crc32(bytes) !== sums.sum(chunk)) throw onMismatch()
    chunk += 1
    filled = 0
    return bytes
  }
  for await (const piece of body) {
    for (let offset = 0; offset < piece.length;) {
      if (filled === 0 && sums.sum(chunk) === undefined) return
      const part = piece.subarray(offset, offset + CHUNK - filled)
      held.set(part, filled)
      filled += part.length
      offset += part.length
      if (filled === CHUNK) yield close()
    }
  }
  if (filled > 0) yield close()
}
