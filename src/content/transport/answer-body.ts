import { Failure } from '../../errors.ts'

/** Bytes held for a reader that is slower than the socket, at most this and one chunk; then the socket pauses. */
const HIGH_WATER = 256 * 1024

/** Bytes of a chunk that is large enough to stand alone. */
const JOINED = 32 * 1024

/** Bytes of a body nobody wants that are worth a connection. */
const DRAINED = 64 * 1024

/** ms to wait for the end of a body of which nothing more is wanted. */
const END_WAIT = 1000

/** What the body does to the connection it comes from. */
export interface BodyFlow {
  pause(): void
  resume(): void
  /** Close the connection: nothing more of this answer is wanted. */
  abort(reason: Error): void
}

/**
 * The body of an answer, pulled by one reader at its own pace. Back-pressure reaches the socket; silence counts as
 * a stall only while the reader waits.
 */
export class AnswerBody {
  readonly #name: string
  readonly #flow: BodyFlow
  readonly #stallTimeout: number
  readonly #onSettled: () => void
  readonly #queue: Uint8Array[] = []
  #queued = 0
  #paused = false
  #settled = false
  #failure: Error | undefined
  #trailers: Readonly<Record<string, string | string[] | undefined>> = {}
  #waiting: (() => void) | undefined
  #waitingSince = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: { name: string; flow: BodyFlow; stallTimeout: number; onSettled: () => void }) {
    this.#name = options.name
    this.#flow = options.flow
    this.#stallTimeout = options.stallTimeout
    this.#onSettled = options.onSettled
  }

  /** Known after the end of the body. */
  get trailers(): Readonly<Record<string, string | string[] | undefined>> {
    return this.#trailers
  }

  /**
   * The next chunk; undefined at the end.
   *
   * @throws Failure CONTENT_TIMEOUT after a stall, CONTENT_UNAVAILABLE when the connection broke; the reason of an abort
   */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#queue.length === 0) await this.#wait()
    const chunk = this.#take()
    this.#resumeFlow()
    return chunk
  }

  /**
   * As {@link read}, with small chunks joined to larger ones where several have come: a Kubo's `cat` arrives in pieces
   * of 4 KiB, each of which would cost as much on its way as a large one.
   */
  async readJoined(): Promise<Uint8Array | undefined> {
    if (this.#queue.length === 0) await this.#wait()
    const first = this.#take()
    if (first === undefined || first.byteLength >= JOINED || this.#queue.length === 0) {
      this.#resumeFlow()
      return first
    }
    const chunks = [first]
    let length = first.byteLength
    while (length < HIGH_WATER) {
      const next = this.#take()
      if (next === undefined) break
      length += next.byteLength
      chunks.push(next)
    }
    this.#resumeFlow()
    return Buffer.concat(chunks, length)
  }

  /**
   * The next chunk, where it comes within a second; undefined otherwise, and at the end. For the end of a body all of
   * whose content has come: what is missing there does no harm, what is too much does.
   */
  async readSoon(): Promise<Uint8Array | undefined> {
    const timer = setTimeout(() => this.discard(), END_WAIT)
    try {
      return await this.read()
    } catch {
      return undefined
    } finally {
      clearTimeout(timer)
    }
  }

  /** The whole body, when it has no more bytes than `limit`. */
  async readAll(limit: number): Promise<Buffer> {
    const chunks: Uint8Array[] = []
    let length = 0
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) {
      length += chunk.byteLength
      if (length > limit) {
        this.discard()
        throw new Failure('CONTENT_TOO_LARGE', `${this.#name} answers with more than ${limit} bytes`)
      }
      chunks.push(chunk)
    }
    return Buffer.concat(chunks, length)
  }

  /**
   * Nothing more is wanted. A short body that comes within a second is passed over, so that its connection can be used
   * again; who sends a byte now and then would hold it for days.
   */
  drain(): void {
    const timer = setTimeout(() => this.discard(), END_WAIT)
    const passed = this.readAll(DRAINED).catch(() => undefined)
    void passed.then(() => clearTimeout(timer))
  }

  /** Nothing more is wanted. A body that has not ended by then closes its connection. */
  discard(): void {
    if (this.#settled) return
    this.fail(new Failure('CONTENT_UNAVAILABLE', `the reader of an answer of ${this.#name} went away`))
  }

  /** From the connection: a chunk came. */
  push(chunk: Uint8Array): void {
    if (this.#settled) return
    this.#queue.push(chunk)
    this.#queued += chunk.byteLength
    // A waiting reader goes on when all that came with this chunk is here.
    this.#wake()
    if (this.#queued >= HIGH_WATER && !this.#paused) {
      this.#paused = true
      this.#flow.pause()
    }
  }

  /** From the connection: the body is complete. */
  end(trailers: Readonly<Record<string, string | string[] | undefined>>): void {
    if (this.#settled) return
    this.#trailers = trailers
    this.#settle()
    this.#wake()
  }

  /** The body can't be completed; what is queued is dropped. */
  fail(reason: Error): void {
    if (this.#settled) return
    this.#failure = reason
    this.#queue.length = 0
    this.#settle()
    this.#flow.abort(reason)
    this.#wake()
  }

  /** Resolves when a chunk is queued, or none will come any more. */
  #wait(): Promise<void> | undefined {
    if (this.#settled) return undefined
    return new Promise((resolve) => {
      this.#waiting = resolve
      this.#waitingSince = Date.now()
      this.#timer ??= this.#watch(this.#stallTimeout)
    })
  }

  #wake(): void {
    this.#waiting?.()
    this.#waiting = undefined
  }

  /** The oldest chunk in the queue; undefined when it is empty. @throws why the body can't be completed */
  #take(): Uint8Array | undefined {
    if (this.#failure !== undefined) throw this.#failure
    const chunk = this.#queue.shift()
    if (chunk !== undefined) this.#queued -= chunk.byteLength
    return chunk
  }

  #resumeFlow(): void {
    if (!this.#paused || this.#queued >= HIGH_WATER / 2) return
    this.#paused = false
    this.#flow.resume()
  }

  #settle(): void {
    this.#settled = true
    clearTimeout(this.#timer)
    this.#onSettled()
  }

  /** One timer for the whole body, which looks when it goes off whether the reader has waited that long. */
  #watch(delay: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timer = undefined
      if (this.#waiting === undefined) return
      const left = this.#waitingSince + this.#stallTimeout - Date.now()
      if (left > 0) this.#timer = this.#watch(left)
      else this.fail(this.#stalled())
    }, delay)
  }

  #stalled(): Failure {
    const seconds = this.#stallTimeout / 1000
    return new Failure(
      'CONTENT_TIMEOUT',
      `${this.#name} stalled: no byte for ${seconds} s in the middle of an answer`,
    )
  }
}
