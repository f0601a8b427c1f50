import type { Metadata } from './metadata.ts'

export interface RecentRecordsOptions {
  readonly metadata: Metadata
  /** Unique in the store; carries the version of what the values look like. */
  readonly name: string
  /** Characters of keys and values after which what was not used lately is dropped; up to twice that is kept. */
  readonly limit: number
  /** A record could not be written or read; the caller goes on without it. */
  readonly onFailure: (error: unknown) => void
}

/**
 * Records that are good to have after a restart and can be had again: a bounded map on disk. Two tables take turns.
 * What is written or read goes to the current one; when that is full, the other one, which holds what nobody asked
 * for meanwhile, is emptied and becomes the current one.
 */
export class RecentRecords<T> {
  private readonly options: RecentRecordsOptions
  private readonly tables
  private readonly turns
  private current: 0 | 1 = 0
  private size = 0
  /** Writes, one after the other. */
  private writing: Promise<void> = Promise.resolve()

  private constructor(options: RecentRecordsOptions) {
    this.options = options
    const { metadata, name } = options
    const table = (turn: 0 | 1) => metadata.sublevel(`${name}-${turn}`, {})
    this.tables = [table(0), table(1)] as const
    this.turns = metadata.sublevel('turn', {})
  }

  static async open<T>(options: RecentRecordsOptions): Promise<RecentRecords<T>> {
    const records = new RecentRecords<T>(options)
    records.current = (await records.turns.get(options.name)) === '1' ? 1 : 0
    for await (const [key, text] of records.tables[records.current].iterator()) {
      records.size += key.length + text.length
    }
    return records
  }

  /** The record, or undefined where there is none or it can't be read. */
  async get(key: string): Promise<T | undefined> {
    try {
      const { current } = this
      const text = await this.tables[current].get(key)
      if (text !== undefined) return JSON.parse(text) as T
      const older = await this.tables[current === 0 ? 1 : 0].get(key)
      if (older === undefined) return undefined
      this.write(key, older)
      return JSON.parse(older) as T
    } catch (error) {
      this.options.onFailure(error)
      return undefined
    }
  }

  /** Never throws: what can't be written is not kept. */
  put(key: string, value: T): void {
    this.write(key, JSON.stringify(value))
  }

  /** Resolves when everything put so far is written. */
  async settled(): Promise<void> {
    await this.writing
  }

  private write(key: string, text: string): void {
    this.writing = this.writing
      .then(async () => {
        await this.tables[this.current].put(key, text)
        this.size += key.length + text.length
        if (this.size > this.options.limit) await this.takeTurns()
      })
      .catch(this.options.onFailure)
  }

  private async takeTurns(): Promise<void> {
    const next = this.current === 0 ? 1 : 0
    await this.tables[next].clear()
    await this.turns.put(this.options.name, String(next))
    this.current = next
    this.size = 0
  }
}
