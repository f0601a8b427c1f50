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
 * Pieces of a stream that starts at a chunk's start, each passed on only when its whole chunk has the expected sum.
 *
 * @param onMismatch makes the error to throw
 */
export async function* checkedPieces(
  body: AsyncIterable<Uint8Array>,
  firstChunk: number,
  sums: ChunkSums,
  onMismatch: () => Error,
): AsyncGenerator<Uint8Array> {
  let chunk = firstChunk
  let held: Uint8Array[] = []
  let filled = 0
  let sum = 0
  const closeChunk = (): Uint8Array[] => {
    if (sum !== sums.sum(chunk)) throw onMismatch()
    const pieces = held
    chunk += 1
    held = []
    filled = 0
    sum = 0
    return pieces
  }
  for await (const piece of body) {
    for (let offset = 0; offset < piece.length;) {
      const part = piece.subarray(offset, offset + CHUNK - filled)
      sum = crc32(part, sum)
      // The body may use its memory again for the next piece.
      held.push(new Uint8Array(part))
      filled += part.length
      offset += part.length
      if (filled === CHUNK) yield* closeChunk()
    }
  }
  if (filled > 0) yield* closeChunk()
}
