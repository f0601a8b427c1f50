import { LRUCache } from 'lru-cache'
import { messageOf } from '../errors.ts'
import { fromSaved, recordsOf, toSaved, type KnownRoot } from './known-root.ts'
import type { NewestRecords } from './newest-records.ts'
import { RootsWriter, type RootsMemory } from './roots-memory.ts'
import type { NamingSettings } from './settings.ts'

export interface KnownRootsOptions {
  readonly settings: NamingSettings
  readonly records: NewestRecords
  /** Undefined: roots are lost at a restart. */
  readonly memory: RootsMemory | undefined
  /** Trouble with the memory, which no request hears of. */
  readonly warn: (message: string) => void
}

/** The roots of the names used lately, and through a {@link RootsMemory} those of an earlier process. */
export class KnownRoots {
  readonly #options: KnownRootsOptions
  readonly #writer: RootsWriter | undefined
  readonly #roots: LRUCache<string, KnownRoot>

  constructor(options: KnownRootsOptions) {
    this.#options = options
    this.#writer = options.memory && new RootsWriter(options.memory, options.warn)
    this.#roots = new LRUCache({
      max: options.settings.names,
      dispose: (_known, name, reason) => {
        if (reason === 'evict') this.#writer?.write(name, undefined)
      },
    })
  }

  get(name: string): KnownRoot | undefined {
    return this.#roots.get(name)
  }

  set(name: string, known: KnownRoot): void {
    this.#roots.set(name, known)
    // A name that exists no longer is not taken up again after a restart.
    this.#writer?.write(name, known.gone ? undefined : toSaved(name, known, this.#options.records))
  }

  /** Serve no root any more that this IPNS key has led to: it is known to lead elsewhere. */
  outdate(key: string): void {
    for (const [name, known] of this.#roots.entries()) {
      if (known.keys.includes(key)) this.#roots.set(name, { ...known, freshUntil: -Infinity })
    }
  }

  /** Take up what an earlier process knew, records included. Never throws. */
  async restore(now: number): Promise<void> {
    const { memory, records, settings, warn } = this.#options
    try {
      const saved = (await memory?.load()) ?? []
      for (const one of saved.toSorted((a, b) => a.confirmedAt - b.confirmedAt)) {
        const known = fromSaved(one, now, settings)
        if (known === undefined) continue
        for (const [key, record] of recordsOf(one)) records.restore(key, record)
        if (!this.#roots.has(one.name)) this.#roots.set(one.name, known)
      }
    } catch (error) {
      warn(`the last known roots of mutable names could not be read: ${messageOf(error)}`)
    }
  }

  /** Resolves when everything is written. Never throws. */
  async saved(): Promise<void> {
    await this.#writer?.drained()
  }
}
