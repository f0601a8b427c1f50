import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { base64url } from 'multiformats/bases/base64'
import { CID } from 'multiformats/cid'
import * as Multihash from 'multiformats/hashes/digest'
import { openMetadata, type Metadata } from '../../../cache/metadata.ts'
import { Spool } from '../../../cache/spool.ts'
import type { HeldBlockReader } from '../../dag/held-blocks.ts'
import { RAW } from '../../unixfs/node.ts'
import { keyOf } from '../block-table.ts'

/** A block that is at hand, in the spool or in the store. */
export interface StagedBlock {
  /** One for each block, counted from 0: what is known of a block during the import is a bit in a set of numbers. */
  readonly number: number
  /** Bytes. */
  readonly size: number
  /** Byte of the spool where it begins; undefined for one that is in the store. */
  readonly at: number | undefined
}

/** A file that is to become a blob. */
export interface StagedFile {
  readonly cid: CID
  /** Bytes, as its root says. */
  readonly size: number
}

/** What stands in the index: number, size, and where. */
type Entry = [number: number, size: number, at?: number]

/** Bytes of the spool that are read at once, at least. */
const WINDOW = 64 * 1024

/** Entries of the index written at once. */
const BATCH = 500

/**
 * Look-ups in the index of which one goes through another thread, so that everything else has its turn. The others are
 * done at once, which takes a tenth of the time: what was written just now is in memory.
 */
const PER_TURN = 32

/**
 * The blocks of a CAR, in whatever order they came, until it is known what they are part of: their bytes in one file,
 * where they are in a database of its own beside it, so that neither takes memory. Both are in a folder that is removed
 * at the end, and at the next start if there is none. Blocks that are in the store already are found as well.
 */
export class StagedBlocks {
  readonly #folder: string
  readonly #spool: Spool
  readonly #index: Metadata
  readonly #entries
  readonly #files
  readonly #held: HeldBlockReader
  readonly #signal: AbortSignal
  readonly #waiting = new Map<string, Entry>()
  #blocks = 0
  #bytes = 0
  #fileCount = 0
  #lookups = 0
  /** What was last read of the spool for a small block: the next one is mostly right behind it. */
  #window: Uint8Array = new Uint8Array()
  #windowAt = 0

  private constructor(
    folder: string,
    spool: Spool,
    index: Metadata,
    from: { held: HeldBlockReader; signal: AbortSignal },
  ) {
    this.#folder = folder
    this.#spool = spool
    this.#index = index
    this.#entries = index.sublevel<string, Entry>('block', { valueEncoding: 'json' })
    this.#files = index.sublevel<string, [cid: string, size: number]>('file', { valueEncoding: 'json' })
    this.#held = from.held
    this.#signal = from.signal
  }

  /**
   * @param workFolder a folder that is emptied at the start
   * @param from what is in the store, and the signal that ends all work
   */
  static async create(
    workFolder: string,
    from: { held: HeldBlockReader; signal: AbortSignal },
  ): Promise<StagedBlocks> {
    const folder = join(workFolder, randomUUID())
    await mkdir(folder)
    const spool = await Spool.create(join(folder, 'blocks'))
    return new StagedBlocks(folder, spool, await openMetadata(join(folder, 'index')), from)
  }

  /** Blocks found so far, here or in the store. */
  get count(): number {
    return this.#blocks
  }

  /** Bytes of the blocks that were added. */
  get bytes(): number {
    return this.#bytes
  }

  /** @param bytes verified; not kept */
  async add(cid: CID, bytes: Uint8Array): Promise<void> {
    this.#signal.throwIfAborted()
    const key = keyOf(cid)
    if ((await this.#entry(key)) !== undefined) return
    await this.#spool.append(Buffer.from(bytes))
    await this.#note(key, bytes.byteLength, this.#bytes)
    this.#bytes += bytes.byteLength
  }

  /** All blocks have been added. */
  async finish(): Promise<void> {
    await this.#spool.flush()
  }

  async find(cid: CID): Promise<StagedBlock | undefined> {
    this.#signal.throwIfAborted()
    const key = keyOf(cid)
    const entry = await this.#entry(key)
    if (entry !== undefined) return blockOf(entry)
    const held = await this.#held.find(cid, { signal: this.#signal })
    return held === undefined ? undefined : this.#note(key, held.size)
  }

  async read(cid: CID, { at, size }: StagedBlock): Promise<Uint8Array> {
    this.#signal.throwIfAborted()
    if (at === undefined) return this.#held.get(cid, { signal: this.#signal })
    if (size > WINDOW) return this.#readSpool(at, size)
    if (at < this.#windowAt || at + size > this.#windowAt + this.#window.byteLength) {
      this.#window = await this.#readSpool(at, Math.min(WINDOW, this.#bytes - at))
      this.#windowAt = at
    }
    return Buffer.from(this.#window.subarray(at - this.#windowAt, at - this.#windowAt + size))
  }

  /** Everything found so far, with a CID that has the right hash, in the order of those. */
  async *all(): AsyncGenerator<{ cid: CID; block: StagedBlock }, void, undefined> {
    await this.#write()
    for await (const [key, entry] of this.#entries.iterator()) {
      yield { cid: CID.createV1(RAW, Multihash.decode(base64url.baseDecode(key))), block: blockOf(entry) }
    }
  }

  async addFile({ cid, size }: StagedFile): Promise<void> {
    await this.#files.put(String(this.#fileCount++).padStart(12, '0'), [cid.toString(), size])
  }

  /** In the order in which they were added. */
  async *files(): AsyncGenerator<StagedFile, void, undefined> {
    for await (const [text, size] of this.#files.values()) yield { cid: CID.parse(text), size }
  }

  async remove(): Promise<void> {
    await this.#spool.close()
    await this.#index.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #readSpool(at: number, size: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafeSlow(size)
    await this.#spool.readInto(bytes, at)
    return bytes
  }

  async #note(key: string, size: number, at?: number): Promise<StagedBlock> {
    const entry: Entry = at === undefined ? [this.#blocks, size] : [this.#blocks, size, at]
    this.#blocks += 1
    this.#waiting.set(key, entry)
    if (this.#waiting.size >= BATCH) await this.#write()
    return blockOf(entry)
  }

  async #entry(key: string): Promise<Entry | undefined> {
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) return waiting
    this.#lookups += 1
    return this.#lookups % PER_TURN === 0 ? this.#entries.get(key) : this.#entries.getSync(key)
  }

  async #write(): Promise<void> {
    await this.#entries.batch([...this.#waiting].map(([key, value]) => ({ type: 'put', key, value })))
    this.#waiting.clear()
  }
}

function blockOf([number, size, at]: Entry): StagedBlock {
  return { number, size, at }
}
