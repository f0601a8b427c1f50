import type { CID } from 'multiformats/cid'
import { Failure, isFailure } from '../errors.ts'
import { isNewer } from './ask-in-order.ts'
import { readIpnsRecord, verifyIpnsRecord, type VerifiedRecord } from './ipns-record.ts'
import type { NameAnswer } from './resolver.ts'

export interface StoredRecord {
  /** As they were signed. */
  readonly bytes: Uint8Array
  /** Whether it was put here for good, where others go when newer ones need room. */
  readonly lasting: boolean
}

/** Where the bytes of IPNS records are kept; what is in them is none of its business. */
export interface StoredRecords {
  /** @param key libp2p-key CID */
  get(key: CID): Promise<StoredRecord | undefined>
  /** Replaces the record of the key. */
  put(key: CID, record: StoredRecord): Promise<void>
}

/** A record that is valid now. */
export type ValidRecord = NameAnswer & VerifiedRecord & { readonly bytes: Uint8Array }
export type KeptRecord = ValidRecord & StoredRecord

/** The newest valid IPNS record of each key that came here. */
export class KeptRecords {
  readonly #stored: StoredRecords
  /** Writes, one after the other, so that none replaces what it was not compared with. */
  #writing: Promise<unknown> = Promise.resolve()

  constructor(stored: StoredRecords) {
    this.#stored = stored
  }

  /**
   * The record of a key, verified anew; undefined when there is none that is valid.
   *
   * @param key libp2p-key CID
   */
  async find(key: CID): Promise<KeptRecord | undefined> {
    const stored = await this.#stored.get(key)
    if (stored === undefined) return undefined
    try {
      return { ...(await verifyIpnsRecord(key, stored.bytes)), ...stored }
    } catch (error) {
      if (isFailure(error, 'CONTENT_INVALID')) return undefined
      throw error
    }
  }

  /**
   * The record that was kept last of a key, whether or not it is still valid: the sequence of the next one has to be
   * higher. Undefined when there was none.
   */
  async last(key: CID): Promise<KeptRecord | undefined> {
    const stored = await this.#stored.get(key)
    return stored === undefined ? undefined : { ...(await readIpnsRecord(stored.bytes)), ...stored }
  }

  /**
   * Keep a record for good.
   *
   * @throws Failure CONTENT_INVALID when it is not valid, IMPORT_INVALID when a newer one is kept
   */
  async add(key: CID, bytes: Uint8Array): Promise<ValidRecord> {
    const record = { ...(await verifyIpnsRecord(key, bytes)), bytes }
    const newer = await this.#replace(key, record, true)
    if (newer === undefined) return record
    throw new Failure(
      'IMPORT_INVALID',
      `this record is older than the one that is kept: ${described(record)}, where that has ${described(newer)}`,
    )
  }

  /** Keep a record that was verified, as long as there is room, unless a newer one is kept. */
  async note(key: CID, record: ValidRecord): Promise<void> {
    await this.#replace(key, record, false)
  }

  /** @returns the record that is kept instead */
  async #replace(key: CID, record: ValidRecord, lasting: boolean): Promise<KeptRecord | undefined> {
    const replacing = this.#writing
      .catch(() => undefined)
      .then(async () => {
        const kept = await this.find(key)
        if (kept !== undefined && isNewer(kept, record)) return kept
        // The key that one was put here for stays known when a newer one is fetched.
        const before = kept ?? (await this.#stored.get(key))
        await this.#stored.put(key, { bytes: record.bytes, lasting: lasting || before?.lasting === true })
        return undefined
      })
    this.#writing = replacing
    return replacing
  }
}

function described({ sequence, validUntil }: VerifiedRecord): string {
  return `sequence ${sequence}, valid until ${new Date(validUntil).toISOString()}`
}
