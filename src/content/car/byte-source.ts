/** Bytes pulled chunk by chunk; undefined at their end. */
export interface ByteSource {
  read(): Promise<Uint8Array | undefined>
}

const NOTHING = new Uint8Array()

const allocate = (count: number): Uint8Array => Buffer.allocUnsafeSlow(count)

/** Takes pieces of chosen lengths out of a stream of chunks, copying each byte once at most. */
export class ByteTaker {
  readonly #source: ByteSource
  #chunk: Uint8Array = NOTHING
  #at = 0

  constructor(source: ByteSource) {
    this.#source = source
  }

  /** The next bytes in one piece, without taking them: `count`, or fewer at the end of the stream. */
  async peek(count: number): Promise<Uint8Array> {
    while (this.#chunk.byteLength - this.#at < count) {
      const next = await this.#source.read()
      if (next === undefined) break
      const rest = this.#chunk.subarray(this.#at)
      this.#chunk = rest.byteLength === 0 ? next : Buffer.concat([rest, next])
      this.#at = 0
    }
    return this.#chunk.subarray(this.#at, this.#at + count)
  }

  /** The next bytes as they are at hand, at least one and at most `count`; undefined at the end of the stream. */
  async next(count: number): Promise<Uint8Array | undefined> {
    while (this.#chunk.byteLength === this.#at) {
      const next = await this.#source.read()
      if (next === undefined) return undefined
      this.#chunk = next
      this.#at = 0
    }
    const piece = this.#chunk.subarray(this.#at, this.#at + count)
    this.#at += piece.byteLength
    return piece
  }

  /** Take bytes that have been peeked at. */
  drop(count: number): void {
    this.#at += count
  }

  /**
   * Exactly the next `count` bytes; undefined when the stream ends before them.
   *
   * @param memory makes what bytes from several chunks are put together in
   */
  async take(
    count: number,
    memory: (count: number) => Uint8Array = allocate,
  ): Promise<Uint8Array | undefined> {
    const here = this.#chunk.subarray(this.#at, this.#at + count)
    this.#at += here.byteLength
    if (here.byteLength === count) return here
    const whole = memory(count)
    whole.set(here)
    for (let length = here.byteLength; length < count;) {
      const next = await this.#source.read()
      if (next === undefined) return undefined
      const part = next.subarray(0, count - length)
      whole.set(part, length)
      length += part.byteLength
      this.#chunk = next
      this.#at = part.byteLength
    }
    return whole
  }
}
