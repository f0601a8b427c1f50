import { ClassicLevel, type ChainedBatch } from 'classic-level'
import { checkDiskRoom } from './disk-room.ts'

/** How abstract-level calls what an implementation does ("Private API For Implementors" of its README). */
interface Implementation {
  _put(key: unknown, value: unknown, options: WriteOptions): Promise<void>
  _del(key: unknown, options: WriteOptions): Promise<void>
  _batch(operations: unknown, options: WriteOptions): Promise<void>
  _clear(options: WriteOptions): Promise<void>
  _chainedBatch(): { _write(options: WriteOptions): Promise<void> }
}

interface WriteOptions {
  readonly sync?: boolean
}

/** Bytes that have to be free before a new log is begun: what one log holds, written once more, and more than that. */
const ROOM_TO_MEND = 16 * 1024 * 1024

/** Written through to show that writing works again. */
const PROBE = '!mended'

/**
 * LevelDB whose synchronous writes can be trusted after a failed one.
 *
 * A write that fails, as on a full disk, may leave a part of its record in the log. LevelDB goes on behind it, and reads
 * no further than there when it is opened again: everything that followed, reported as written, is gone. So after a
 * failure the next write waits until a new log has been begun, and a synchronous write has not succeeded before all that
 * were on their way with it have ended well, or the log is a new one.
 */
export class MendingLevel extends ClassicLevel<string, string> {
  /** Whether the log may end, to a reader, before its end. */
  private torn = false
  private mending: Promise<void> | undefined
  private readonly underWay = new Set<Promise<void>>()

  _put(key: unknown, value: unknown, options: WriteOptions): Promise<void> {
    return this.guard(options, () => LEVEL._put.call(this, key, value, options))
  }

  _del(key: unknown, options: WriteOptions): Promise<void> {
    return this.guard(options, () => LEVEL._del.call(this, key, options))
  }

  _batch(operations: unknown, options: WriteOptions): Promise<void> {
    return this.guard(options, () => LEVEL._batch.call(this, operations, options))
  }

  _clear(options: WriteOptions): Promise<void> {
    return this.guard(options, () => LEVEL._clear.call(this, options))
  }

  _chainedBatch(): ChainedBatch<this, string, string> {
    const batch = LEVEL._chainedBatch.call(this)
    const write = batch._write.bind(batch)
    batch._write = (options) => this.guard(options, () => write(options))
    return batch as unknown as ChainedBatch<this, string, string>
  }

  private async guard(options: WriteOptions, write: () => Promise<void>): Promise<void> {
    while (this.torn) await this.mend()
    await this.tracked(write)
    if (options.sync !== true) return
    await Promise.allSettled(this.underWay)
    while (this.torn) await this.mend()
  }

  private async tracked(write: () => Promise<void>): Promise<void> {
    const writing = write().catch((error: unknown) => {
      this.torn = true
      throw error
    })
    this.underWay.add(writing)
    try {
      await writing
    } finally {
      this.underWay.delete(writing)
    }
  }

  private mend(): Promise<void> {
    return (this.mending ??= this.beginLog().finally(() => (this.mending = undefined)))
  }

  /** Nothing else is written meanwhile, since whoever comes waits for this. */
  private async beginLog(): Promise<void> {
    await Promise.allSettled(this.underWay)
    await checkDiskRoom(this.location, ROOM_TO_MEND)
    // Writes what is in memory to a table, which has all that the old log was for.
    await this.compactRange(PROBE, PROBE)
    // That tells of no failure, but nothing can be written after one.
    await LEVEL._put.call(this, PROBE, '', { sync: true })
    this.torn = false
  }
}

const LEVEL = ClassicLevel.prototype as unknown as Implementation
