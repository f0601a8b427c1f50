import { LEAF_SIZE } from '../../content/unixfs/file-dag.ts'
import { Failure } from '../../errors.ts'
import type { UploadPart } from '../root-store.ts'
import { Patience } from './patience.ts'

export interface SegmentLimits {
  /** A whole number of leaves. */
  readonly bytes: number
  /** ms; twice as many where a leaf is not complete by then. */
  readonly time: number
}

const NOTHING = new Uint8Array()

/** Reads what a client sends in segments, each of which can be added by itself. */
export class PartReader {
  readonly #pieces: AsyncIterator<Uint8Array>
  readonly #length: number | undefined
  /** The next piece, while it is waited for. */
  #coming: Promise<IteratorResult<Uint8Array>> | undefined
  readonly #patience: Patience
  /** What came and was not handed on. */
  #piece: Uint8Array = NOTHING
  #came = 0
  #ended = false

  constructor({ bytes, length }: UploadPart, signal: AbortSignal) {
    this.#pieces = bytes[Symbol.asyncIterator]()
    this.#length = length
    this.#patience = new Patience(signal)
  }

  /** Wait until there is a byte for another segment. @returns whether there is one */
  async more(): Promise<boolean> {
    while (this.#piece.length === 0 && !this.#ended) await this.#fetch(Infinity)
    return this.#piece.length > 0
  }

  /**
   * The pieces of one segment. It ends with a whole leaf, unless all ends there or a leaf does not come in time.
   *
   * @throws Failure UPLOAD_INVALID when more comes than was said; what the client's bytes throw; the signal's reason
   */
  async *segment({ bytes, time }: SegmentLimits): AsyncGenerator<Uint8Array> {
    const began = Date.now()
    let size = 0
    while (size < bytes) {
      const inLeaf = size % LEAF_SIZE
      const until = began + (inLeaf === 0 ? time : 2 * time)
      if (until <= Date.now() && size > 0 && inLeaf === 0) return
      if (this.#piece.length === 0) {
        if (this.#ended || !(await this.#fetch(until))) return
        continue
      }
      const piece = this.#piece.subarray(0, LEAF_SIZE - inLeaf)
      this.#piece = this.#piece.subarray(piece.length)
      size += piece.length
      yield piece
    }
  }

  /** @throws Failure UPLOAD_INVALID when less came than was said */
  expectWhole(): void {
    if (this.#length === undefined || this.#came === this.#length) return
    throw new Failure('UPLOAD_INVALID', `${this.#came} bytes came, not ${this.#length} as was said`)
  }

  /** Nothing more is read. */
  close(): void {
    this.#patience.end()
    if (this.#ended) return
    this.#ended = true
    // what is waited for may never come
    void this.#pieces.return?.().catch(() => undefined)
  }

  /** @param until ms since the epoch @returns whether the next piece, or the end, came in time */
  async #fetch(until: number): Promise<boolean> {
    this.#coming ??= this.#pieces.next()
    if (!(await this.#patience.wait(this.#coming, until))) return false
    const step = await this.#coming
    this.#coming = undefined
    if (step.done === true) {
      this.#ended = true
      return true
    }
    this.#piece = step.value
    this.#came += step.value.length
    if (this.#length !== undefined && this.#came > this.#length) {
      throw new Failure('UPLOAD_INVALID', `more than the ${this.#length} bytes come that were said`)
    }
    return true
  }
}
