import { join } from 'node:path'
import type { CID } from 'multiformats/cid'
import { Failure, isFailure } from '../../../errors.ts'
import { verifyIpnsRecord } from '../../../naming/ipns-record.ts'
import type { KeptRecords } from '../../../naming/kept-records.ts'
import {
  isYoung,
  type NamePublisher,
  type NextRecord,
  type PublishedRecord,
  type PublishingKey,
} from '../name-publisher.ts'
import type { DelegatedRouters } from './delegated-routers.ts'
import { createKeyFile, readKeyFile } from './key-file.ts'
import { signRecord } from './sign-record.ts'

export interface EmbeddedNamesOptions {
  /** Where key files are: `<store>/keys`. */
  readonly folder: string
  /** The records that this gateway serves and resolves by. */
  readonly records: Pick<KeptRecords, 'last' | 'add'>
  readonly routers: DelegatedRouters
  /** ms since the epoch */
  readonly now?: () => number
}

/** A name in the folder of keys: no path, nothing hidden. */
const KEY_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

/** ms after which delegated routers are given a record again, since those they pass it on to come and go. */
const GIVE_AGAIN_AFTER = 4 * 60 * 60 * 1000

interface Given {
  readonly sequence: bigint
  /** ms since the epoch */
  readonly at: number
}

/**
 * Publishes with keys of our own. A record is kept in the store first, from where the gateway serves it and resolves by
 * it, then given to the delegated routers, where there are any.
 */
export class EmbeddedNames implements NamePublisher {
  readonly name = 'embedded'
  readonly #options: EmbeddedNamesOptions
  readonly #now: () => number
  /** By CID of the key: what all routers have. */
  readonly #given = new Map<string, Given>()
  /** By CID of the key: the highest sequence that the routers had before. */
  readonly #seen = new Map<string, PublishedRecord | undefined>()

  constructor(options: EmbeddedNamesOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  keyNameOf(root: string): string {
    return root
  }

  async findKey(name: string): Promise<CID | undefined> {
    return (await readKeyFile(this.#pathOf(name)))?.cid
  }

  async makeKey(name: string): Promise<CID> {
    return (await createKeyFile(this.#pathOf(name))).cid
  }

  async current({ cid }: PublishingKey, signal: AbortSignal): Promise<PublishedRecord | undefined> {
    const kept = await this.#options.records.last(cid)
    const seen = await this.#atRouters(cid, signal)
    if (kept === undefined || (seen?.sequence ?? -1n) > kept.sequence) return seen
    const { value, sequence, validUntil } = kept
    return { value, sequence, validUntil, settled: this.#isGiven(cid, sequence) }
  }

  async publish(
    key: PublishingKey,
    next: NextRecord,
    signal: AbortSignal,
  ): Promise<PublishedRecord | undefined> {
    const { records, routers } = this.#options
    const record = (await this.#keptFor(key.cid, next)) ?? (await this.#make(key, next))
    try {
      await records.add(key.cid, record.bytes)
    } catch (error) {
      if (isFailure(error, 'IMPORT_INVALID')) return undefined
      throw error
    }
    const { value, sequence, validUntil } = record
    if (routers.count > 0) {
      await routers.put(key.cid, record.bytes, signal)
      this.#given.set(key.cid.toString(), { sequence, at: this.#now() })
    }
    return { value, sequence, validUntil, settled: true }
  }

  /** The record that is kept, where it says the same and is only to be given to the routers. */
  async #keptFor(cid: CID, { value, lifetime }: NextRecord) {
    const kept = await this.#options.records.last(cid)
    if (kept?.value !== value || !isYoung(kept.validUntil, lifetime, this.#now())) return undefined
    const seen = this.#seen.get(cid.toString())?.sequence ?? -1n
    return seen > kept.sequence ? undefined : kept
  }

  async #make(key: PublishingKey, { value, after, lifetime, ttl }: NextRecord) {
    const signing = await readKeyFile(this.#pathOf(key.name))
    if (signing?.cid.equals(key.cid) !== true) {
      throw new Failure('STORE_FAILED', `the key ${this.#pathOf(key.name)} is gone, or another one now`)
    }
    const kept = await this.#options.records.last(key.cid)
    const known = [kept?.sequence, after?.sequence, this.#seen.get(key.cid.toString())?.sequence]
    const highest = known.reduce<bigint>((max, one) => (one !== undefined && one > max ? one : max), 0n)
    const validUntil = this.#now() + lifetime
    const bytes = await signRecord(signing, { value, sequence: highest + 1n, validUntil, ttl })
    return { ...(await verifyIpnsRecord(key.cid, bytes)), bytes }
  }

  /** What the routers had when they were first asked: nobody else publishes with this key now. */
  async #atRouters(cid: CID, signal: AbortSignal): Promise<PublishedRecord | undefined> {
    const name = cid.toString()
    if (this.#seen.has(name) || this.#options.routers.count === 0) return this.#seen.get(name)
    try {
      const found = await this.#options.routers.newest(cid, signal)
      const seen = found && { ...found, settled: false }
      this.#seen.set(name, seen)
      return seen
    } catch {
      // What is published here does not wait for them; giving it to them will say what is wrong.
      signal.throwIfAborted()
      return undefined
    }
  }

  #isGiven(cid: CID, sequence: bigint): boolean {
    if (this.#options.routers.count === 0) return true
    const given = this.#given.get(cid.toString())
    return given?.sequence === sequence && this.#now() < given.at + GIVE_AGAIN_AFTER
  }

  #pathOf(name: string): string {
    if (KEY_NAME.test(name)) return join(this.#options.folder, name)
    throw new Failure('SETTINGS_INVALID', `"${name}" can't be the name of a key`)
  }
}
