import { Failure } from '../errors.ts'
import type { MutableName } from '../reference/name.ts'
import type { KeptRecords } from './kept-records.ts'
import type { NameAnswer, NameLookup } from './resolver.ts'

/**
 * IPNS keys by the records that were put here for good. Those that were fetched prove nothing once their TTL is over:
 * what they led to is served as a last known root.
 */
export class KeptLookup implements NameLookup {
  readonly name: string
  readonly fromMemory = true
  readonly #records: KeptRecords

  constructor(name: string, records: KeptRecords) {
    this.name = name
    this.#records = records
  }

  accepts(name: MutableName): boolean {
    return name.kind === 'key'
  }

  /** @throws Failure NAME_UNRESOLVED when there is none, which says nothing of the name */
  async lookup(name: MutableName): Promise<NameAnswer> {
    const record = name.kind === 'key' ? await this.#records.find(name.key) : undefined
    if (record?.lasting !== true) throw new Failure('NAME_UNRESOLVED', 'no valid record of it was imported')
    const { value, ttl, sequence, validUntil } = record
    return { value, ttl, sequence, validUntil }
  }
}
