import { Failure } from '../errors.ts'
import { algorithmOf, encodedOf, type Digest } from '../reference/digest.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { ChunkSums } from './chunk-sums.ts'
import type { Spool } from './spool.ts'
import type { OpenSums } from './stream-sums.ts'
import { WindowSums } from './window-sums.ts'
import { Window } from './window.ts'

export interface IntakeOptions {
  readonly digest: Digest
  /** Bytes kept in memory behind the newest byte. */
  readonly windowBytes: number
  readonly pool: BufferPool
  readonly openSums: OpenSums
  /** Makes the file that the bytes are kept in; without one, the window is all there is. */
  readonly createSpool: (() => Promise<Spool>) | undefined
  /** Called when disk trouble makes the rest stay in memory. */
  readonly onSpoolFailure: (error: unknown) => void
}

/** What has arrived of a blob: its newest bytes in memory, all of them in a file if possible, hashed on the way. */
export class Intake {
  received = 0
  readonly window: Window
  spool: Spool | undefined
  private size = 0
  private spoolTried = false
  /** Known when all has arrived. */
  private isRight: boolean | undefined
  /** Offset up to which bytes were given to the file. */
  private spooled = 0
  private readonly sums: WindowSums
  private readonly options: IntakeOptions

  constructor(options: IntakeOptions) {
    this.options = options
    const { digest, windowBytes, pool, openSums } = options
    this.window = new Window(windowBytes, pool)
    this.sums = new WindowSums(this.window, () => openSums(algorithmOf(digest), this.size))
  }

  /** Checksums of what has arrived, as far as they are known. */
  get chunks(): ChunkSums {
    return this.sums.chunks
  }

  /** What comes now belongs to a blob of `size` bytes. */
  async begin(size: number): Promise<void> {
    this.size = size
    if (this.spoolTried || this.options.createSpool === undefined) return
    this.spoolTried = true
    try {
      this.spool = await this.options.createSpool()
    } catch (error) {
      this.options.onSpoolFailure(error)
    }
  }

  /**
   * Take the next piece; its bytes are copied. Everything up to the first await happens at once, so that count, sums and
   * window stay in step whenever the fetch is ended.
   *
   * @throws Failure CONTENT_UNAVAILABLE when what arrived can't be verified
   */
  async keep(piece: Uint8Array): Promise<void> {
    this.window.push(piece)
    this.received += piece.length
    this.sums.giveUpTo(this.window.sealed)
    await this.writeUpTo(this.window.sealed)
    await this.sums.room()
    this.window.trim(Math.min(this.sums.summed, this.spool?.written ?? Infinity))
  }

  /** Bytes from `position` to `end` at most, in memory or from the file; undefined when they are in neither. */
  async read(position: number, end: number): Promise<{ piece: Uint8Array; done: () => void } | undefined> {
    const held = this.window.hold(position)
    if (held !== undefined) return { piece: held.bytes.subarray(0, end - position), done: held.done }
    const { spool } = this
    if (spool === undefined || position >= spool.written) return undefined
    const { pool } = this.options
    const { buffer, bytes } = await spool.read(position, Math.min(end, spool.written) - position, pool)
    if (bytes === 0)
      throw new Failure('STORE_FAILED', `the file of ${this.options.digest} in the making is cut`)
    return { piece: buffer.subarray(0, bytes), done: () => pool.give(buffer) }
  }

  /** Whether what has arrived, which is all of it, has the digest. @throws as {@link keep} */
  async complete(): Promise<boolean> {
    this.sums.giveUpTo(this.window.end)
    this.isRight ??= (await this.sums.digest()) === encodedOf(this.options.digest)
    if (!this.isRight) return false
    await this.writeUpTo(this.window.end)
    await this.guardSpool((spool) => spool.flush())
    return true
  }

  /** Let memory and file go; `committed`: the file is in its place and stays. */
  async end(committed: boolean): Promise<void> {
    this.sums.close()
    if (committed) await this.spool?.close()
    else await this.dropSpool()
    this.window.clear()
  }

  private async dropSpool(): Promise<void> {
    const { spool } = this
    this.spool = undefined
    await spool?.discard()
    await spool?.close()
  }

  /** The window drops nothing that is not in the file, so it can be written from there. */
  private async writeUpTo(end: number): Promise<void> {
    while (this.spool !== undefined && this.spooled < end) {
      const bytes = this.window.at(this.spooled)
      if (bytes === undefined) return
      this.spooled += bytes.length
      await this.guardSpool((spool) => spool.append(bytes))
    }
  }

  private async guardSpool(action: (spool: Spool) => Promise<void>): Promise<void> {
    if (this.spool === undefined) return
    try {
      await action(this.spool)
    } catch (error) {
      this.options.onSpoolFailure(error)
      await this.dropSpool()
    }
  }
}
