import type { ChunkSums } from './chunk-sums.ts'
import type { StreamSums } from './stream-sums.ts'
import type { Window } from './window.ts'

/** Buffers that may wait for their sums while more arrives. */
const AHEAD = 4

/** The sums of what goes through a window, computed of its buffers, each of which stays until that is done. */
export class WindowSums {
  /** Offset up to which bytes are in the sums. Behind it the window must drop nothing. */
  summed = 0
  /** Offset up to which bytes were given to the sums. */
  private given = 0
  private readonly underWay: Promise<void>[] = []
  private opened: StreamSums | undefined
  private readonly window: Window
  private readonly open: () => StreamSums

  /** `open` is called when the first bytes are given. */
  constructor(window: Window, open: () => StreamSums) {
    this.window = window
    this.open = open
  }

  /** Checksums of the chunks that are known. */
  get chunks(): ChunkSums {
    return this.sums.chunks
  }

  /** Give the bytes up to `end`, at once. */
  giveUpTo(end: number): void {
    while (this.given < end) {
      const held = this.window.hold(this.given)
      if (held === undefined)
        throw new Error(`the window has dropped byte ${this.given} before it was summed`)
      this.given += held.bytes.length
      this.underWay.push(this.update(held, this.given))
    }
  }

  /** Resolves when few enough bytes wait. @throws as {@link StreamSums.update} */
  async room(): Promise<void> {
    while (this.underWay.length > AHEAD) await this.underWay.shift()
  }

  /** The digest of all that was given, in hex; call once. @throws as {@link StreamSums.update} */
  digest(): Promise<string> {
    return this.sums.digest()
  }

  /** Nothing more of it is wanted. */
  close(): void {
    this.opened?.close()
  }

  private get sums(): StreamSums {
    return (this.opened ??= this.open())
  }

  private update({ bytes, done }: { bytes: Uint8Array; done: () => void }, end: number): Promise<void> {
    const updated = this.sums
      .update(bytes)
      .then(() => void (this.summed = end))
      .finally(done)
    // Whoever waits for it, now or at the end, hears of it.
    updated.catch(() => undefined)
    return updated
  }
}
