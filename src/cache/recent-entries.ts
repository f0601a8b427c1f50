import { LRUCache } from 'lru-cache'
import { Failure } from '../errors.ts'
import type { Metadata } from './metadata.ts'

export interface RecentEntriesOptions {
  readonly metadata: Metadata
  /** Unique in the store; carries the version of what the values look like. */
  readonly name: string
  /** Bytes of keys and values after which what was not used lately is dropped; up to twice that is kept. */
  readonly limit: number
  /** An entry could not be written or read; the caller goes on without it. */
  readonly onFailure: (error: unknown) => void
}

/** Bytes of entries that may wait for the disk. */
const MAX_WAITING = 24 * 1024 * 1024

/** ms in which entries are gathered to be written together: by themselves they cost three times as much. */
const GATHER = 100

/** Keys known to be in the current table. */
const FRESH_KEYS = 10_000

/**
 * What is good to have after a restart and can be had again: a bounded map on disk. Two tables take turns. What is
 * written or read goes to the current one; when that is full, the other one, which holds what nobody asked for
 * meanwhile, is emptied and becomes the current one. Writing is done in the background, and nobody waits for it: what
 * comes faster than the disk takes it is not kept.
 */
export class RecentEntries {
  private readonly options: RecentEntriesOptions
  private readonly tables
  private readonly turns
  private current: 0 | 1 = 0
  /** Bytes written to the current table. */
  private size = 0
  /** What is not written yet. */
  private readonly waiting = new Map<string, Uint8Array>()
  private waitingBytes = 0
  private writing: Promise<void> | undefined
  /** Ends the gathering. */
  private hurry = (): void => undefined
  private readonly fresh = new LRUCache<string, true>({ max: FRESH_KEYS })

  private constructor(options: RecentEntriesOptions) {
    this.options = options
    const { metadata, name } = options
    const table = (turn: 0 | 1) =>
      metadata.sublevel<string, Uint8Array>(`${name}-${turn}`, { valueEncoding: 'view' })
    this.tables = [table(0), table(1)] as const
    this.turns = metadata.sublevel('turn', {})
  }

  static async open(options: RecentEntriesOptions): Promise<RecentEntries> {
    const entries = new RecentEntries(options)
    const [turn, size] = ((await entries.turns.get(options.name)) ?? '').split(' ')
    entries.current = turn === '1' ? 1 : 0
    entries.size = Number(size ?? 0)
    return entries
  }

  /** The value, or undefined where there is none or it can't be read. */
  async get(key: string): Promise<Uint8Array | undefined> {
    try {
      const { current, older } = this.inTurn()
      const value = this.waiting.get(key) ?? (await current.get(key))
      if (value !== undefined) return value
      const found = await older.get(key)
      if (found !== undefined) this.put(key, found)
      return found
    } catch (error) {
      this.options.onFailure(error)
      return undefined
    }
  }

  /** The entries whose keys begin like this, `limit` of them at most from each table; none where they can't be read. */
  async withPrefix(prefix: string, limit: number): Promise<Map<string, Uint8Array>> {
    // No key has a character beyond those of ASCII.
    const range = { gte: prefix, lt: `${prefix}\u{7f}`, limit }
    try {
      const { current, older } = this.inTurn()
      const found = new Map([...this.waiting].filter(([key]) => key.startsWith(prefix)))
      for (const [key, value] of await current.iterator(range).all()) {
        if (!found.has(key)) found.set(key, value)
      }
      for (const [key, value] of await older.iterator(range).all()) {
        if (found.has(key)) continue
        found.set(key, value)
        this.put(key, value)
      }
      return found
    } catch (error) {
      this.options.onFailure(error)
      return new Map()
    }
  }

  /** Never throws: what can't be written is not kept. The value must not be changed any more. */
  put(key: string, value: Uint8Array): void {
    const bytes = key.length + value.byteLength
    if (this.waitingBytes + bytes > MAX_WAITING) {
      this.options.onFailure(new Failure('STORE_FAILED', 'the disk is too slow for what is to be remembered'))
      return
    }
    this.waiting.set(key, value)
    this.waitingBytes += bytes
    this.fresh.set(key, true)
    this.writing ??= this.writeWaiting()
  }

  /** As {@link put}, for a key that never gets another value: what is there is not written again. */
  add(key: string, value: () => Uint8Array): void {
    if (this.fresh.get(key) === undefined) this.put(key, value())
  }

  /** Resolves when everything put so far is written. */
  async settled(): Promise<void> {
    this.hurry()
    await this.writing
  }

  private inTurn() {
    const [one, two] = this.tables
    return this.current === 0 ? { current: one, older: two } : { current: two, older: one }
  }

  private async writeWaiting(): Promise<void> {
    while (this.waiting.size > 0) {
      await this.gather()
      const entries = [...this.waiting]
      const bytes = this.waitingBytes
      try {
        await this.write(entries, bytes)
      } catch (error) {
        this.fresh.clear()
        this.options.onFailure(error)
      }
      for (const [key, value] of entries) if (this.waiting.get(key) === value) this.waiting.delete(key)
      this.waitingBytes -= bytes
    }
    this.writing = undefined
  }

  private gather(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, GATHER)
      timer.unref()
      this.hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  private async write(entries: readonly [string, Uint8Array][], bytes: number): Promise<void> {
    const { metadata, name, limit } = this.options
    const { current, older } = this.inTurn()
    const batch = metadata.batch()
    for (const [key, value] of entries) batch.put(key, value, { sublevel: current })
    batch.put(name, `${this.current} ${this.size + bytes}`, { sublevel: this.turns })
    await batch.write()
    this.size += bytes
    if (this.size <= limit) return
    await older.clear()
    const next = this.current === 0 ? 1 : 0
    await this.turns.put(name, `${next} 0`)
    this.current = next
    this.size = 0
    this.fresh.clear()
  }
}
