import { LRUCache } from 'lru-cache'
import { Failure } from '../errors.ts'
import { isNewer } from './ask-in-order.ts'
import type { NameAnswer } from './resolver.ts'

/** An IPNS record that was verified and is the newest seen of its key. */
export interface NewestRecord {
  readonly value: string
  readonly sequence: bigint
  /** ms since the epoch. */
  readonly validUntil: number
}

/**
 * The newest record seen of each IPNS key, so that none is ever replaced by an older one, which any untrusted gateway
 * could keep and replay. An expired record still bars older ones for as long as its root may be served; after that
 * they are taken again, since an owner who lost his key's history has to begin anew.
 */
export class NewestRecords {
  readonly #records: LRUCache<string, NewestRecord>
  readonly #barsFor: number

  /** @param barsFor ms after its validity for which a record bars older ones */
  constructor(options: { readonly keys: number; readonly barsFor: number }) {
    this.#records = new LRUCache({ max: options.keys })
    this.#barsFor = options.barsFor
  }

  /** @returns what is wrong with a record that is older than one seen before */
  judge(key: string, answer: NameAnswer, from: string, now: number): Failure | undefined {
    const newest = this.#records.get(key)
    if (newest === undefined || answer.sequence === undefined || answer.sequence >= newest.sequence)
      return undefined
    if (now >= newest.validUntil + this.#barsFor) return undefined
    return new Failure(
      'NAME_UNRESOLVED',
      `${from} gave an outdated record of ${key}: sequence ${answer.sequence}, where ${newest.sequence} was seen before`,
    )
  }

  note(key: string, answer: NameAnswer, now: number): void {
    const { value, sequence, validUntil } = answer
    if (sequence === undefined || validUntil === undefined) return
    const known = this.#records.get(key)
    const bars = known !== undefined && now < known.validUntil + this.#barsFor
    if (bars && !isNewer(answer, { ...known, ttl: undefined })) return
    this.#records.set(key, { value, sequence, validUntil })
  }

  /** The newest record of the key if it is still valid: as good an answer as any, when others give only older ones. */
  standing(key: string, now: number): NameAnswer | undefined {
    const newest = this.#records.get(key)
    // TTL 0: held for the floor of the settings, then asked for again.
    return newest !== undefined && now < newest.validUntil ? { ...newest, ttl: 0 } : undefined
  }

  get(key: string): NewestRecord | undefined {
    return this.#records.get(key)
  }

  restore(key: string, record: NewestRecord): void {
    const known = this.#records.get(key)
    if (known === undefined || known.sequence < record.sequence) this.#records.set(key, record)
  }
}
