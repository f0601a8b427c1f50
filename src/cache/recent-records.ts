import { RecentEntries, type RecentEntriesOptions } from './recent-entries.ts'

/** {@link RecentEntries} whose values are JSON. */
export class RecentRecords<T> {
  private readonly entries: RecentEntries
  private readonly onFailure: (error: unknown) => void

  private constructor(entries: RecentEntries, onFailure: (error: unknown) => void) {
    this.entries = entries
    this.onFailure = onFailure
  }

  static async open<T>(options: RecentEntriesOptions): Promise<RecentRecords<T>> {
    return new RecentRecords(await RecentEntries.open(options), options.onFailure)
  }

  /** The record, or undefined where there is none or it can't be read. */
  async get(key: string): Promise<T | undefined> {
    const value = await this.entries.get(key)
    try {
      return value === undefined ? undefined : (JSON.parse(Buffer.from(value).toString()) as T)
    } catch (error) {
      this.onFailure(error)
      return undefined
    }
  }

  /** Never throws: what can't be written is not kept. */
  put(key: string, value: T): void {
    this.entries.put(key, Buffer.from(JSON.stringify(value)))
  }

  /** Resolves when everything put so far is written. */
  async settled(): Promise<void> {
    await this.entries.settled()
  }
}
