import { blockRecords } from '../../content/embedded/block-table.ts'
import { parseDigest, type Digest } from '../../reference/digest.ts'
import type { KeptContent } from './kept-content.ts'
import type { Marks } from './marks.ts'

/** Records removed in one step, during which nobody else keeps anything. */
const STEP = 256

/** Likewise blobs, whose files may be large. */
const BLOB_STEP = 8

export interface SweepOptions {
  /** Only look. */
  readonly dryRun: boolean
  /** Told of each blob that is garbage. */
  readonly onBlob?: (blob: { readonly digest: Digest; readonly size: number }) => void
  readonly signal: AbortSignal
}

export interface Swept {
  /** Blobs, and bytes of them. */
  readonly blobs: number
  readonly blobBytes: number
  /** Folders, manifests and other blocks that are kept by value, and bytes of them. */
  readonly blocks: number
  readonly blockBytes: number
}

/** Removes what is not marked, in an order in which a crash leaves nothing that says more than is there. */
export class Sweep {
  readonly #kept: KeptContent
  readonly #marks: Marks
  readonly #options: SweepOptions

  constructor(kept: KeptContent, marks: Marks, options: SweepOptions) {
    this.#kept = kept
    this.#marks = marks
    this.#options = options
  }

  async run(): Promise<Swept> {
    const { blocks, leaves, files, cids } = blockRecords(this.#kept.metadata)
    const { digests, blocks: marked, files: whole } = this.#marks
    const isNeeded = (digest: string): boolean => digests.has(parseDigest(digest))
    // What says that a whole DAG is here goes before any part of it.
    await this.#sweepKeys(files, (cid) => whole.has(cid))
    await this.#sweepKeys(cids, isNeeded)
    await this.#sweepKeys(leaves, (key) => isNeeded(key.slice(key.indexOf('/') + 1)))
    const inline = await this.#sweepKeys(blocks, (key) => marked.has(key), sizeOfBlock)
    const blobs = await this.#sweepBlobs()
    if (!this.#options.dryRun) await this.#kept.blobs.removeStrays(this.#options.signal)
    return { blobs: blobs.count, blobBytes: blobs.bytes, blocks: inline.count, blockBytes: inline.bytes }
  }

  async #sweepKeys<Value>(
    records: RecordTable<Value>,
    isNeeded: (key: string) => boolean,
    sizeOf: (value: Value) => number = () => 0,
  ): Promise<Total> {
    const total = new Total()
    let found: { key: string; size: number }[] = []
    const remove = async (): Promise<void> => {
      const step = found
      found = []
      if (step.length === 0) return
      await this.#alone(async () => {
        const garbage = step.filter(({ key }) => !isNeeded(key))
        for (const { size } of garbage) total.add(size)
        if (this.#options.dryRun) return
        await records.batch(garbage.map(({ key }) => ({ type: 'del' as const, key })))
      })
    }
    for await (const [key, value] of records.iterator()) {
      if (isNeeded(key)) continue
      found.push({ key, size: sizeOf(value) })
      if (found.length === STEP) await remove()
    }
    await remove()
    return total
  }

  async #sweepBlobs(): Promise<Total> {
    const total = new Total()
    const { blobs } = this.#kept
    const garbage = blobs.published().filter(({ digest }) => !this.#marks.digests.has(digest))
    for (let from = 0; from < garbage.length; from += BLOB_STEP) {
      await this.#alone(async () => {
        for (const blob of garbage.slice(from, from + BLOB_STEP)) {
          if (this.#marks.digests.has(blob.digest)) continue
          const isGone = this.#options.dryRun || (await blobs.discard(blob.digest))
          if (!isGone) continue
          total.add(blob.size)
          this.#options.onBlob?.(blob)
        }
      })
    }
    return total
  }

  async #alone(step: () => Promise<void>): Promise<void> {
    await this.#kept.changes.exclusive(this.#options.signal, async () => {
      this.#marks.check()
      await step()
    })
  }
}

interface RecordTable<Value> {
  iterator(): AsyncIterable<[string, Value]>
  batch(operations: { type: 'del'; key: string }[]): Promise<void>
}

class Total {
  count = 0
  bytes = 0

  add(size: number): void {
    this.count += 1
    this.bytes += size
  }
}

function sizeOfBlock(bytes: Uint8Array): number {
  return bytes.byteLength
}
