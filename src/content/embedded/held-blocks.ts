import type { CID } from 'multiformats/cid'
import type { DiskBlobs } from '../../cache/disk-blobs.ts'
import type { StoredBlob } from '../../cache/stored-blob.ts'
import { Failure } from '../../errors.ts'
import type { Digest } from '../../reference/digest.ts'
import { inlineBytes } from '../../verify/block.ts'
import { blockOf, type HeldBlock, type HeldBlockReader, type HeldBlocks } from '../dag/held-blocks.ts'
import type { BlockPlaces, LeafPlace } from './block-table.ts'

/** Blocks of the store on disk: those written down by value, and leaves, which are ranges of blobs. */
export function heldBlocks(blobs: DiskBlobs, known: readonly BlockPlaces[]): HeldBlocks {
  return { reader: () => new StoredBlocks(blobs, known) }
}

class StoredBlocks implements HeldBlockReader {
  readonly #blobs: DiskBlobs
  readonly #known: readonly BlockPlaces[]
  #run: BlobRun | undefined

  constructor(blobs: DiskBlobs, known: readonly BlockPlaces[]) {
    this.#blobs = blobs
    this.#known = known
  }

  async find(cid: CID, { signal }: { signal: AbortSignal }): Promise<HeldBlock | undefined> {
    signal.throwIfAborted()
    const inline = inlineBytes(cid)
    if (inline !== undefined) return blockOf(inline)
    for (const known of this.#known) {
      for (const place of await known.places(cid)) {
        if (place.kind === 'inline') return blockOf(place.bytes)
        if (this.#blobs.has(place.digest)) return this.#leaf(place)
      }
    }
    return undefined
  }

  async get(cid: CID, options: { signal: AbortSignal }): Promise<Uint8Array> {
    const block = await this.find(cid, options)
    if (block === undefined) {
      // Of the absence of a block nothing follows for the path: another source may have it.
      throw new Failure('CONTENT_UNAVAILABLE', `block ${cid.toString()} is not in the store`)
    }
    const bytes = Buffer.allocUnsafe(block.size)
    let at = 0
    for await (const piece of block.read()) {
      bytes.set(piece, at)
      at += piece.byteLength
    }
    return bytes
  }

  async close(): Promise<void> {
    const run = this.#run
    this.#run = undefined
    await run?.close()
  }

  #leaf(place: LeafPlace): HeldBlock {
    const { length, wrap } = place
    const around = wrap === undefined ? 0 : wrap.prefix.byteLength + wrap.suffix.byteLength
    return { size: length + around, read: () => this.#read(place) }
  }

  async *#read({ digest, offset, length, wrap }: LeafPlace): AsyncGenerator<Uint8Array, void, undefined> {
    if (wrap !== undefined) yield wrap.prefix
    if (length > 0) yield* (await this.#runAt(digest, offset)).take(length)
    if (wrap !== undefined) yield wrap.suffix
  }

  /** The blob, read from this offset on: the one that is being read, where this is what comes next. */
  async #runAt(digest: Digest, offset: number): Promise<BlobRun> {
    if (this.#run?.isAt(digest, offset) === true) return this.#run
    await this.close()
    const blob = await this.#blobs.open(digest)
    if (blob === undefined) throw new Failure('STORE_FAILED', `the stored copy of ${digest} is gone`)
    this.#run = new BlobRun(digest, blob, offset)
    return this.#run
  }
}

/** A blob that is read on and on, in pieces cut where the caller wants them cut. */
class BlobRun {
  readonly #digest: Digest
  readonly #pieces: AsyncGenerator<Uint8Array>
  #rest: Uint8Array = new Uint8Array()
  #position: number

  constructor(digest: Digest, blob: StoredBlob, offset: number) {
    this.#digest = digest
    this.#position = offset
    this.#pieces = blob.read(offset, blob.size)
  }

  isAt(digest: Digest, offset: number): boolean {
    return this.#digest === digest && this.#position === offset
  }

  async *take(length: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let left = length; left > 0;) {
      if (this.#rest.byteLength === 0) {
        const next = await this.#pieces.next()
        if (next.done === true)
          throw new Failure('STORE_FAILED', `the stored copy of ${this.#digest} is short`)
        this.#rest = next.value
      }
      const piece = this.#rest.subarray(0, left)
      this.#rest = this.#rest.subarray(piece.byteLength)
      left -= piece.byteLength
      this.#position += piece.byteLength
      yield piece
    }
  }

  async close(): Promise<void> {
    await this.#pieces.return(undefined)
  }
}
