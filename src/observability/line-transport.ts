import { Writable } from 'node:stream'

/** winston and logform hand the finished line on under this key. */
export const MESSAGE = Symbol.for('message')

/** Characters that a log nobody reads may keep waiting in memory. */
const MAX_WAITING = 4 * 1024 * 1024

/**
 * Writes the lines of one turn of the event loop in one piece: a system call per line would cost more than all else
 * that a small answer takes. When the stream does not take them as fast as they come, lines are dropped and counted.
 */
export class LineTransport extends Writable {
  private readonly stream: Writable
  private pending = ''
  private scheduled = false
  private dropped = 0

  constructor(stream: Writable) {
    super({ objectMode: true })
    this.stream = stream
  }

  /** winston asks for it, and uses {@link _write}. */
  log(_info: unknown, next: () => void): void {
    next()
  }

  override _write(info: Readonly<Record<symbol, unknown>>, _: string, next: () => void): void {
    if (this.stream.writableLength + this.pending.length > MAX_WAITING) this.dropped++
    else this.pending += `${String(info[MESSAGE])}\n`
    if (!this.scheduled) {
      this.scheduled = true
      setImmediate(() => this.flush())
    }
    next()
  }

  flush(): void {
    this.scheduled = false
    if (this.pending === '') return
    const text = this.pending + this.droppedLine()
    this.pending = ''
    this.stream.write(text)
  }

  private droppedLine(): string {
    if (this.dropped === 0) return ''
    const line = JSON.stringify({ level: 'warn', message: 'log lines were dropped', count: this.dropped })
    this.dropped = 0
    return `${line}\n`
  }
}
