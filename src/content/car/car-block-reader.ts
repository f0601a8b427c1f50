import { LRUCache } from 'lru-cache'
import type { CID } from 'multiformats/cid'
import { Failure } from '../../errors.ts'
import { inlineBytes } from '../../verify/block.ts'
import type { BlockReader } from '../unixfs/blocks.ts'
import type { CarReader } from './car-reader.ts'

/** Bytes of the blocks kept for a CAR that sends a repeated block only once. */
const RECENT_BYTES = 4 * 1024 * 1024

/** Blocks of a CAR without repeats whose CIDs are kept: those of about 100 GiB. */
const SEEN_BLOCKS = 100_000

/** Blocks with an inline CID that a CAR may bring: they say nothing. */
const MAX_INLINE_BLOCKS = 1000

export interface CarBlockReaderOptions {
  /** Name of the source, for messages. */
  readonly name: string
  /** Whether each block comes as often as it is needed (`y`), once only (`n`), or the sender does not say. */
  readonly dups: 'y' | 'n' | undefined
  /** Where a repeated block is read again that is no longer at hand. */
  readonly fallback: BlockReader
}

/**
 * The blocks of a CAR in depth-first order, as a {@link BlockReader} for someone who walks the DAG in that order: each
 * call takes the next block of the stream, which must be the one asked for. One call at a time.
 *
 * @throws Failure CONTENT_INVALID when another block comes, CONTENT_UNAVAILABLE when the stream ends before it
 */
export class CarBlockReader implements BlockReader {
  readonly #car: CarReader
  readonly #options: CarBlockReaderOptions
  readonly #recent = new LRUCache<string, Uint8Array>({
    maxSize: RECENT_BYTES,
    sizeCalculation: (bytes) => bytes.byteLength + 1,
  })
  readonly #seen = new Set<string>()
  #taken = 0
  #inline = 0

  constructor(car: CarReader, options: CarBlockReaderOptions) {
    this.#car = car
    this.#options = options
  }

  /** Blocks that came so far. */
  get taken(): number {
    return this.#taken
  }

  async get(cid: CID, options: { signal: AbortSignal }): Promise<Uint8Array> {
    options.signal.throwIfAborted()
    const inline = inlineBytes(cid)
    if (inline !== undefined) return inline
    const next = await this.#next()
    if (next?.equals(cid) === true) return this.#take(cid)
    if (this.#options.dups !== 'y') {
      const key = cid.toString()
      const recent = this.#recent.get(key)
      if (recent !== undefined) return recent
      if (this.#seen.has(key)) return this.#options.fallback.get(cid, options)
    }
    throw next === undefined ? this.#cut(cid) : this.#unexpected(cid, next)
  }

  /** Whether the CAR ends here, as it should after the last block that was wanted. */
  async atEnd(): Promise<boolean> {
    return (await this.#next()) === undefined
  }

  /** CID of the next block that is not inline. */
  async #next(): Promise<CID | undefined> {
    for (;;) {
      const next = await this.#car.peek()
      if (next === undefined || inlineBytes(next) === undefined) return next
      if (++this.#inline > MAX_INLINE_BLOCKS) {
        throw new Failure('CONTENT_INVALID', `${this.#options.name} fills its CAR with inline blocks`)
      }
      await this.#car.take()
    }
  }

  async #take(cid: CID): Promise<Uint8Array> {
    const block = await this.#car.take()
    if (block === undefined) throw this.#cut(cid)
    this.#taken++
    if (this.#options.dups !== 'y') {
      const key = cid.toString()
      this.#recent.set(key, new Uint8Array(block.bytes))
      if (this.#seen.size < SEEN_BLOCKS) this.#seen.add(key)
    }
    return block.bytes
  }

  #cut(cid: CID): Failure {
    const message = `${this.#options.name} ends its CAR before block ${cid.toString()}`
    return new Failure('CONTENT_UNAVAILABLE', message)
  }

  #unexpected(cid: CID, came: CID): Failure {
    const message = `${this.#options.name} sends block ${came.toString()} where ${cid.toString()} belongs`
    return new Failure('CONTENT_INVALID', message)
  }
}
