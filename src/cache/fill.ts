import { closableBody, endBody } from '../content/closable-body.ts'
import type { ByteRange, OpenedFile } from '../content/source.ts'
import { Failure, isFailure } from '../errors.ts'
import type { FillOptions } from './fill-options.ts'
import { Intake } from './intake.ts'
import { missedBytes } from './missed-bytes.ts'
import { openAsExpected } from './open-as-expected.ts'
import { paceOf, type PacedReader } from './pace.ts'
import { provedCid } from './proved-cid.ts'
import { Waiters } from './waiting.ts'

/** Bytes at the end of a blob that no reader gets before the whole of it is verified. */
const HELD_BACK = 64 * 1024
/** How often a blob of which nobody has seen a byte is fetched, when wrong bytes come. */
const ATTEMPTS = 3

/**
 * One fetch of one blob, read by many, each at its own pace. A reader too slow for the window in memory reads from
 * the file; without a file it is waited for a moment, and then fetches what it missed for itself, held to the checksums
 * of what went by; the common fetch goes no faster than its fastest reader.
 *
 * When the last reader leaves, the fetch ends at once; what has arrived in the file is kept for a while, so that
 * whoever comes back causes a fetch of the rest only.
 */
export class Fill {
  /** Name of the source that delivers. */
  source = ''
  private state: 'paused' | 'running' | 'verified' | 'ended' = 'paused'
  private failure: unknown
  private size: number | undefined
  private intake: Intake
  private opened = false
  /** Whether any reader was given bytes. */
  private released = false
  private attempt = 1
  private contributors: OpenedFile[] = []
  private abort = new AbortController()
  private run: Promise<void> = Promise.resolve()
  private readonly readers = new Set<PacedReader>()
  /** Readers, and those who wait for the size. */
  private interested = 0
  private lingerUntil = 0
  private timer: NodeJS.Timeout | undefined
  private readonly changed = new Waiters()
  private readonly options: FillOptions

  constructor(options: FillOptions) {
    this.options = options
    this.size = options.expectedSize
    this.intake = new Intake(options)
  }

  /** Whether a reader that starts here is served sooner by this fill than by a fetch of its own. */
  reaches(position: number): boolean {
    return position <= this.intake.received + this.options.windowBytes
  }

  /**
   * Take part in the fetch. Resolves when a source has opened the blob. Whoever calls this reads the pieces to their
   * end, or returns, or aborts the signal.
   *
   * @returns size of the whole blob, in bytes, and the pieces of the range
   * @throws what the fetch fails with, or the signal's reason; when that is a CONTENT_TIMEOUT the fetch goes on
   */
  async attach(
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): Promise<{ size: number; pieces: AsyncIterable<Uint8Array> }> {
    const leave = this.enter(signal)
    try {
      while (!this.opened || this.size === undefined) await this.progress(signal)
    } catch (error) {
      leave()
      throw error
    }
    const start = Math.min(range?.start ?? 0, this.size)
    const end = Math.min(range?.end ?? this.size, this.size)
    return { size: this.size, pieces: closableBody(this.read({ start, end }, signal), leave) }
  }

  /** Give up, whoever reads. */
  end(reason: Failure): void {
    this.failure ??= reason
    this.finish('ended')
  }

  private async *read(range: ByteRange, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const reader: PacedReader = { position: range.start }
    this.readers.add(reader)
    try {
      while (reader.position < range.end) {
        const limit = Math.min(this.visible(), range.end)
        if (reader.position >= limit) {
          await this.progress(signal)
          continue
        }
        const kept = await this.intake.read(reader.position, limit)
        if (kept === undefined) {
          const { position } = reader
          const missed = { position, end: range.end, size: this.size ?? 0, visible: () => this.visible() }
          for await (const piece of missedBytes(this.options, this.intake, missed, signal)) {
            yield this.release(reader, piece)
          }
          continue
        }
        try {
          yield this.release(reader, kept.piece)
        } finally {
          kept.done()
        }
      }
      // The last piece of a blob is out only when all of it is right; a range that ends earlier is out before. Of no
      // bytes there is no last piece.
      while (this.size === 0 && this.state !== 'verified') await this.progress(signal)
    } finally {
      this.readers.delete(reader)
    }
  }

  /** Offset up to which bytes may be passed on. */
  private visible(): number {
    const { received } = this.intake
    if (this.state === 'verified' || this.size === undefined) return received
    return Math.min(received, Math.max(0, this.size - HELD_BACK))
  }

  private release(reader: PacedReader, piece: Uint8Array): Uint8Array {
    reader.position += piece.length
    this.released = true
    if (this.intake.spool === undefined) this.changed.wake()
    return piece
  }

  private enter(signal: AbortSignal): () => void {
    this.interested += 1
    clearTimeout(this.timer)
    if (this.state === 'paused') this.start()
    let left = false
    const leave = (): void => {
      signal.removeEventListener('abort', leave)
      if (!left) this.leave(signal)
      left = true
    }
    signal.addEventListener('abort', leave, { once: true })
    return leave
  }

  private leave(signal: AbortSignal): void {
    this.interested -= 1
    if (signal.aborted && isFailure(signal.reason, 'CONTENT_TIMEOUT')) {
      this.lingerUntil = Date.now() + this.options.lingerMs
    }
    if (this.interested > 0) return
    const linger = this.lingerUntil - Date.now()
    if (this.state === 'running' && linger > 0) this.later(linger, () => this.pause())
    else this.pause()
  }

  /** Nobody reads now. */
  private pause(): void {
    if (this.state !== 'running') {
      this.finish('ended')
      return
    }
    this.state = 'paused'
    this.abort.abort(new Failure('CONTENT_UNAVAILABLE', 'nobody waits for it any more'))
    if (this.intake.spool === undefined) this.finish('ended')
    else this.later(this.options.resumeMs, () => this.finish('ended'))
  }

  private later(ms: number, action: () => void): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(action, ms)
    this.timer.unref()
  }

  private finish(state: 'verified' | 'ended'): void {
    if (this.state === 'ended') return
    const committed = this.state === 'verified' || state === 'verified'
    this.state = state
    this.options.onEnd()
    this.changed.wake()
    if (state === 'verified' && this.interested > 0) return
    this.state = 'ended'
    clearTimeout(this.timer)
    this.abort.abort(new Failure('CONTENT_UNAVAILABLE', 'the fetch has ended'))
    void this.run.then(() => this.intake.end(committed))
  }

  /** Wait until something has changed. @throws what made the fetch fail, or the signal's reason */
  private async progress(signal: AbortSignal): Promise<void> {
    if (this.failure === undefined && this.state !== 'ended') await this.changed.wait(signal)
    if (this.failure !== undefined) throw this.failure as Error
    if (this.state === 'ended') throw new Failure('CONTENT_UNAVAILABLE', 'the fetch has ended')
  }

  private start(): void {
    this.state = 'running'
    const abort = new AbortController()
    this.abort = abort
    // An earlier run may still be unwinding, even verify all; two must never feed the same hash.
    this.run = this.run.then(async () => {
      if (this.state !== 'running') return
      try {
        await this.fetchAndVerify(abort.signal)
      } catch (error) {
        if (abort.signal.aborted) return
        this.failure = error
        this.finish('ended')
      }
    })
  }

  private async fetchAndVerify(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.receive(signal)
        await this.verify()
        return
      } catch (error) {
        // As long as nobody has seen a byte, wrong ones can be replaced unseen.
        const again = !this.released && this.attempt < ATTEMPTS && !signal.aborted
        if (!isFailure(error, 'CONTENT_INVALID') || !again) throw error
        this.attempt += 1
        await this.intake.end(false)
        this.intake = new Intake(this.options)
        this.contributors = []
      }
    }
  }

  private async receive(signal: AbortSignal): Promise<void> {
    const { digest } = this.options
    const { intake } = this
    signal.throwIfAborted()
    if (intake.received > 0 && intake.received === this.size) return
    const range = intake.received > 0 ? { start: intake.received, end: this.size ?? Infinity } : undefined
    const file = await openAsExpected(this.options, range, signal)
    this.source = file.source
    this.contributors.push(file)
    await this.admitSize(file)
    await intake.begin(file.size)
    this.changed.wake()
    for await (const piece of file.body) {
      if (intake.received + piece.length > file.size) {
        file.discredit(`it sent more than ${file.size} bytes for ${digest}`)
        throw new Failure('CONTENT_INVALID', `${file.source} sent more than ${file.size} bytes for ${digest}`)
      }
      if (intake.spool === undefined) await this.waitForReaders(piece.length, signal)
      await intake.keep(piece)
      this.changed.wake()
    }
    if (intake.received < file.size) {
      throw new Failure('CONTENT_UNAVAILABLE', `${file.source} sent ${intake.received} of ${file.size} bytes`)
    }
  }

  private async admitSize(file: OpenedFile): Promise<void> {
    if (this.size !== undefined && this.size !== file.size) {
      file.discredit(`it has ${file.size} bytes for ${this.options.digest} instead of ${this.size}`)
      await endBody(file.body)
      throw new Failure(
        'CONTENT_INVALID',
        `${this.options.digest} has ${file.size} bytes at ${file.source} instead of ${this.size}`,
      )
    }
    this.size = file.size
    this.opened = true
  }

  private async waitForReaders(incoming: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const next = { incoming, visible: this.visible() }
      const pause = paceOf(this.readers, this.intake.window, next, Date.now())
      if (pause === 0) return
      const timer = pause === Infinity ? undefined : setTimeout(() => this.changed.wake(), pause)
      await this.changed.wait(signal).finally(() => clearTimeout(timer))
    }
  }

  private async verify(): Promise<void> {
    const { intake } = this
    const { digest } = this.options
    const sources = [...new Set(this.contributors.map((file) => file.source))]
    if (!(await intake.complete())) {
      for (const file of this.contributors) file.discredit(`its bytes do not have the digest ${digest}`)
      const from = sources.join(', ')
      throw new Failure('CONTENT_INVALID', `what came from ${from} does not have the digest ${digest}`)
    }
    const { window, received, spool } = intake
    const sums = intake.chunks.finish()
    const bytes = (): Uint8Array | undefined => (window.start === 0 ? window.concat() : undefined)
    const cid = provedCid(this.contributors)
    await this.options.onVerified({ size: received, sums, spool, sources, cid, bytes })
    // Slow readers read on from the file, for as long as they take.
    if (intake.spool !== undefined) window.clear()
    this.finish('verified')
  }
}
