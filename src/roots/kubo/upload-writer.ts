import { Failure } from '../../errors.ts'
import type { AddedFile } from '../../publish/target.ts'
import type { UploadPart } from '../root-store.ts'
import { addLinked } from './add-linked.ts'
import { numberName } from './folders.ts'
import { isAbsent } from './mfs.ts'
import type { MfsChange } from './mfs-writer.ts'
import type { Node } from './node.ts'
import { PartReader } from './part-reader.ts'
import type { SegmentLimits } from './part-reader.ts'
import type { RunningHash } from './running-hashes.ts'
import { unknownUpload } from './upload-content.ts'
import type { StoredPart, UploadContent } from './upload-content.ts'

export interface WritingOptions {
  readonly limits: SegmentLimits
  /** ms after which it is noted anew that an upload is alive. */
  readonly noteEvery: number
  /** Continues the hash of the bytes before; undefined where that is not known. */
  readonly hash: RunningHash | undefined
  /** Called when the upload has become that long, durably. */
  readonly onStored: (size: number, hash: RunningHash | undefined) => void
  readonly signal: AbortSignal
}

/**
 * Writes the bytes of one request behind those that an upload has. They are stored in segments, each an `add` of its
 * own and then an entry of the upload, since Kubo can't collect garbage while an `add` goes on, and nobody can pin
 * anything while a collection waits for that: a slow client must not hold up all others.
 */
export class UploadWriter {
  readonly #node: Node
  readonly #id: string
  readonly #options: WritingOptions
  readonly #parts: StoredPart[]
  #hash: RunningHash | undefined
  #size: number
  #seen: number

  constructor(node: Node, id: string, content: UploadContent, options: WritingOptions) {
    this.#node = node
    this.#id = id
    this.#options = options
    this.#parts = [...content.parts]
    this.#hash = options.hash
    this.#size = content.size
    this.#seen = content.seen
  }

  /** @returns the parts of the upload, with the new ones */
  async write(part: UploadPart): Promise<readonly StoredPart[]> {
    const reader = new PartReader(part, this.#options.signal)
    try {
      while (await reader.more()) await this.#store(reader.segment(this.#options.limits))
      reader.expectWhole()
    } finally {
      reader.close()
    }
    return this.#parts
  }

  /** An empty file, which is a part too where a blob has no bytes. */
  async writeNothing(): Promise<readonly StoredPart[]> {
    await this.#store([])
    return this.#parts
  }

  async #store(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
    const { now } = this.#node
    const { signal, onStored } = this.#options
    // A copy, so that bytes which are not stored in the end are not in it.
    const hash = this.#hash?.copy()
    const name = `${this.#id}-${this.#size}-${now()}`
    const note = now() - this.#seen > this.#options.noteEvery
    const { file, value } = await addLinked(this.#node, name, hashed(pieces, hash), signal, (change, added) =>
      this.#enter(change, added, note),
    )
    if (!value) throw new Failure('UPLOAD_INVALID', `another request writes to the upload "${this.#id}"`)
    if (note) this.#seen = now()
    this.#parts.push({ cid: file.cid, size: file.size })
    this.#size += file.size
    this.#hash = hash
    onStored(this.#size, hash)
  }

  /** Make a file the next part. @returns false where somebody else has written one */
  async #enter(change: MfsChange, { cid }: AddedFile, note: boolean): Promise<boolean> {
    const { folders, now } = this.#node
    const folder = folders.upload(this.#id)
    try {
      const entered = await change.link(cid, `${folder}/${numberName(this.#size)}`)
      if (entered && note) await change.makeFolder(`${folder}/seen-${now()}`)
      return entered
    } catch (error) {
      throw isAbsent(error) ? unknownUpload(this.#id) : error
    }
  }
}

async function* hashed(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  hash: RunningHash | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    hash?.update(piece)
    yield piece
  }
}
