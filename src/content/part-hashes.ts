import { createHash } from 'node:crypto'

/** The sha2-256 of each part of a stream, in order. */
export interface HashedParts {
  /** Bytes of each part but the last, which may have fewer. */
  readonly size: number
  /** Called for each part when its last byte was taken; `hash` has 32 bytes. */
  readonly onPart: (hash: Uint8Array, length: number) => void
}

/** Hashes the parts of a stream as its pieces come, without a copy of them. */
export class PartHashes {
  readonly #parts: HashedParts
  #hash = createHash('sha256')
  #inPart = 0

  constructor(parts: HashedParts) {
    this.#parts = parts
  }

  /** Take the next bytes, in pieces of any size. */
  update(piece: Uint8Array): void {
    const { size } = this.#parts
    for (let from = 0; from < piece.length;) {
      const until = Math.min(piece.length, from + size - this.#inPart)
      this.#hash.update(from === 0 && until === piece.length ? piece : piece.subarray(from, until))
      this.#inPart += until - from
      from = until
      if (this.#inPart === size) this.#endPart()
    }
  }

  /** End of the stream; call once. One without a byte has no parts. */
  finish(): void {
    if (this.#inPart > 0) this.#endPart()
  }

  #endPart(): void {
    const [hash, length] = [this.#hash.digest(), this.#inPart]
    this.#hash = createHash('sha256')
    this.#inPart = 0
    this.#parts.onPart(hash, length)
  }
}
