import type { BufferPool } from './buffer-pool.ts'
import { copyInto } from './copy-into.ts'

/** A stretch of the stream in a lent buffer. */
interface Segment {
  readonly buffer: Buffer
  /** Offset in the stream. */
  readonly start: number
  /** Bytes in the buffer so far. */
  length: number
  /** The window itself, as long as it has not dropped the segment, and each reader that uses its bytes. */
  holders: number
}

/**
 * The most recent bytes of a stream, up to a limit and one buffer more, addressed by their offset in it. They are
 * copied into lent buffers: what comes from a socket is garbage sooner and cheaper that way, and goes on in large
 * pieces.
 */
export class Window {
  private readonly segments: Segment[] = []
  private first = 0
  private last = 0
  private readonly limit: number
  private readonly pool: BufferPool

  /** `limit` in bytes */
  constructor(limit: number, pool: BufferPool) {
    this.limit = limit
    this.pool = pool
  }

  /** Offset of the oldest byte kept. */
  get start(): number {
    return this.first
  }

  /** Offset after the newest byte. */
  get end(): number {
    return this.last
  }

  /** Offset up to which buffers are full: bytes before it come in as large pieces as they ever will. */
  get sealed(): number {
    const newest = this.segments.at(-1)
    if (newest === undefined || newest.length === newest.buffer.length) return this.last
    return newest.start
  }

  push(piece: Uint8Array): void {
    for (let offset = 0; offset < piece.length;) {
      const segment = this.segmentWithRoom()
      const part = piece.subarray(offset, offset + segment.buffer.length - segment.length)
      copyInto(segment.buffer, part, segment.length)
      segment.length += part.length
      this.last += part.length
      offset += part.length
    }
  }

  /** Drop the oldest buffers beyond the limit, but none with bytes from `keepFrom` on. */
  trim(keepFrom = Infinity): void {
    for (;;) {
      const oldest = this.segments[0]
      if (oldest === undefined) return
      const end = oldest.start + oldest.length
      if (end > this.last - this.limit || end > keepFrom) return
      this.dropOldest()
    }
  }

  /** Drop everything. */
  clear(): void {
    while (this.segments.length > 0) this.dropOldest()
    this.first = this.last
  }

  /** Whether one more piece of this size would push out bytes from `position` on. */
  wouldDrop(position: number, incoming: number): boolean {
    return position < this.last + incoming - this.limit
  }

  /** Bytes from `position` on, as far as they lie in one buffer, valid until dropped; undefined when not here. */
  at(position: number): Uint8Array | undefined {
    const segment = this.find(position)
    return segment?.buffer.subarray(position - segment.start, segment.length)
  }

  /** As {@link at}, but valid until `done` is called, once. */
  hold(position: number): { bytes: Uint8Array; done: () => void } | undefined {
    const segment = this.find(position)
    if (segment === undefined) return undefined
    segment.holders += 1
    const bytes = segment.buffer.subarray(position - segment.start, segment.length)
    return { bytes, done: () => this.leave(segment) }
  }

  /** A copy of everything kept. */
  concat(): Uint8Array {
    return Buffer.concat(this.segments.map(({ buffer, length }) => buffer.subarray(0, length)))
  }

  private find(position: number): Segment | undefined {
    if (position < this.first || position >= this.last) return undefined
    return this.segments.findLast(({ start }) => position >= start)
  }

  private segmentWithRoom(): Segment {
    const newest = this.segments.at(-1)
    if (newest !== undefined && newest.length < newest.buffer.length) return newest
    const segment = { buffer: this.pool.take(), start: this.last, length: 0, holders: 1 }
    this.segments.push(segment)
    return segment
  }

  private dropOldest(): void {
    const oldest = this.segments.shift()
    if (oldest === undefined) return
    this.first = oldest.start + oldest.length
    this.leave(oldest)
  }

  private leave(segment: Segment): void {
    segment.holders -= 1
    if (segment.holders === 0) this.pool.give(segment.buffer)
  }
}
