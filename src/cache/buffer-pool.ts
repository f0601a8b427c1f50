/**
 * Read buffers that are used again and again: allocating half a megabyte for every piece of a layer costs more than
 * reading it. When the pool's memory is lent out, smaller buffers are given, so that many slow readers stay within
 * bounds.
 */
export class BufferPool {
  private readonly free: Buffer[] = []
  private lent = 0
  private readonly large: number
  private readonly small: number
  private readonly limit: number

  /** Sizes in bytes; `limit` bounds what is lent as large buffers. */
  constructor(sizes: { large: number; small: number; limit: number }) {
    this.large = sizes.large
    this.small = sizes.small
    this.limit = sizes.limit
  }

  take(): Buffer {
    if (this.lent + this.large > this.limit) return Buffer.allocUnsafeSlow(this.small)
    this.lent += this.large
    return this.free.pop() ?? Buffer.allocUnsafeSlow(this.large)
  }

  give(buffer: Buffer): void {
    if (buffer.length !== this.large) return
    this.lent -= this.large
    this.free.push(buffer)
  }
}
