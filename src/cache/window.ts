/**
 * The most recent bytes of a stream, up to a limit, addressed by their offset in it. Pieces are kept as they came,
 * without copying.
 */
export class Window {
  private readonly pieces: Uint8Array[] = []
  private first = 0
  private bytes = 0
  private readonly limit: number

  constructor(limit: number, start: number) {
    this.limit = limit
    this.first = start
  }

  /** Offset of the oldest byte kept. */
  get start(): number {
    return this.first
  }

  /** Offset after the newest byte. */
  get end(): number {
    return this.first + this.bytes
  }

  push(piece: Uint8Array): void {
    this.pieces.push(piece)
    this.bytes += piece.length
  }

  /** Drop the oldest pieces beyond the limit, but none that reaches past `keepFrom`. */
  trim(keepFrom = Infinity): void {
    for (;;) {
      const oldest = this.pieces[0]
      if (oldest === undefined || this.bytes <= this.limit || this.first + oldest.length > keepFrom) return
      this.pieces.shift()
      this.first += oldest.length
      this.bytes -= oldest.length
    }
  }

  /** Whether one more piece of this size would push out bytes from `position` on. */
  wouldDrop(position: number, incoming: number): boolean {
    return this.bytes + incoming > this.limit && position < this.first + (this.bytes + incoming - this.limit)
  }

  /** Bytes from `position` on, as far as they lie in one piece; undefined when they are not here. */
  at(position: number): Uint8Array | undefined {
    if (position < this.first || position >= this.end) return undefined
    let offset = this.end
    for (let index = this.pieces.length - 1; index >= 0; index -= 1) {
      const piece = this.pieces[index]
      if (piece === undefined) return undefined
      offset -= piece.length
      if (position >= offset) return piece.subarray(position - offset)
    }
    return undefined
  }

  /** A copy of everything kept. */
  concat(): Uint8Array {
    return Buffer.concat(this.pieces, this.bytes)
  }
}
