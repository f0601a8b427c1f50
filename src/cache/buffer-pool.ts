/**
 * Read buffers that are used again and again: allocating half a megabyte for every piece of a layer costs more than
 * reading it, and what was allocated stays until the garbage is collected. When the pool's memory is lent out, smaller
 * buffers are given, so that many slow readers stay within bounds.
 *
 * Large buffers are shared memory, which another thread can read where it is. Small ones may come and go, which another
 * thread would hold up until it collects its garbage.
 */
export class BufferPool {
  private readonly freeLarge: Buffer[] = []
  private readonly freeSmall: Buffer[] = []
  /** Bytes of large buffers in use. */
  private lent = 0
  private readonly large: number
  private readonly small: number
  private readonly limit: number

  /** Sizes in bytes; `limit` bounds what is lent as large buffers, and what is kept as small ones. */
  constructor(sizes: { large: number; small: number; limit: number }) {
    this.large = sizes.large
    this.small = sizes.small
    this.limit = sizes.limit
  }

  /** Whether large buffers are used up: then nobody should take more than the one that is needed next. */
  get scarce(): boolean {
    return this.lent + this.large > this.limit
  }

  take(): Buffer {
    if (this.scarce) return this.freeSmall.pop() ?? Buffer.allocUnsafeSlow(this.small)
    this.lent += this.large
    return this.freeLarge.pop() ?? Buffer.from(new SharedArrayBuffer(this.large))
  }

  give(buffer: Buffer): void {
    if (buffer.length === this.large) {
      this.lent -= this.large
      this.freeLarge.push(buffer)
    } else if (this.freeSmall.length * this.small < this.limit) {
      this.freeSmall.push(buffer)
    }
  }
}
