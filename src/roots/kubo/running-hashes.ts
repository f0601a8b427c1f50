import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { DigestAlgorithm } from '../../reference/digest.ts'

/** Uploads whose hash is remembered between requests. */
const UPLOADS = 10_000

/** The hash of a blob as far as its bytes have passed. */
export class RunningHash {
  readonly algorithm: DigestAlgorithm
  readonly #hash: Hash

  constructor(algorithm: DigestAlgorithm, hash = createHash(algorithm)) {
    this.algorithm = algorithm
    this.#hash = hash
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes)
  }

  /** Hexadecimal; it can still go on. */
  digest(): string {
    return this.#hash.copy().digest('hex')
  }

  copy(): RunningHash {
    return new RunningHash(this.algorithm, this.#hash.copy())
  }
}

/** The hashes of uploads whose bytes have all passed here, in order. */
export class RunningHashes {
  readonly #kept: LRUCache<string, { size: number; hash: RunningHash }>

  /** @param ttl ms */
  constructor(ttl: number) {
    this.#kept = new LRUCache({ max: UPLOADS, ttl })
  }

  /** The hash of the first `size` bytes of an upload, to go on with; undefined where it is not known. */
  after(id: string, size: number): RunningHash | undefined {
    const kept = this.#kept.get(id)
    return kept?.size === size ? kept.hash.copy() : undefined
  }

  keep(id: string, size: number, hash: RunningHash): void {
    this.#kept.set(id, { size, hash: hash.copy() })
  }

  drop(id: string): void {
    this.#kept.delete(id)
  }
}
