import type { CID } from 'multiformats/cid'
import { linksOf, mayLink } from '../../content/dag/links.ts'
import { keyOf } from '../../content/embedded/block-table.ts'
import { Failure, isFailure, messageOf } from '../../errors.ts'
import type { Digest } from '../../reference/digest.ts'
import { findBlock } from './find-block.ts'
import type { KeptContent } from './kept-content.ts'

interface Step {
  readonly cid: CID
  /** Whether it is a part of a file that is marked as a whole. */
  readonly inFile: boolean
}

/**
 * What is reached, and so is no garbage. The walk reads folders and inner nodes of files, never a layer. It takes some
 * 300 bytes of memory for each file and each folder.
 */
export class Marks {
  /** Blobs. */
  readonly digests = new Set<Digest>()
  /** Keys of blocks that are kept by value. */
  readonly blocks = new Set<string>()
  /** CIDv1 as text of files whose DAG is kept as a whole. */
  readonly files = new Set<string>()
  /** Blocks with links that have been walked through, by codec: the same bytes may be a node and a raw block. */
  readonly #walked = new Set<string>()
  readonly #kept: KeptContent
  readonly #signal: AbortSignal
  #failure: Failure | undefined

  constructor(kept: KeptContent, signal: AbortSignal) {
    this.#kept = kept
    this.#signal = signal
  }

  /** Mark everything below a CID that is here: an incomplete import is kept as far as it came. */
  async add(root: CID): Promise<void> {
    const waiting: Step[] = [{ cid: root, inFile: false }]
    for (let step = waiting.pop(); step !== undefined; step = waiting.pop()) {
      for (const next of await this.#visit(step)) waiting.push(next)
    }
  }

  /** Mark what somebody keeps from now on. It is kept whatever happens here, so a failure ends the collection instead. */
  async addLate(root: CID): Promise<void> {
    try {
      await this.add(root)
    } catch (error) {
      const message = `what is kept could not be told from garbage: ${messageOf(error)}`
      this.#failure ??= new Failure('STORE_FAILED', message, { cause: error })
    }
  }

  /** @throws when something could not be marked, so that nothing may be removed */
  check(): void {
    this.#signal.throwIfAborted()
    if (this.#failure !== undefined) throw this.#failure
  }

  async #visit({ cid, inFile }: Step): Promise<Step[]> {
    this.check()
    const key = keyOf(cid)
    const { table, blobs } = this.#kept
    if (!mayLink(cid.code)) {
      // The leaves of a file are kept with its blob, but for some that are kept by value.
      if (inFile) {
        if (!this.blocks.has(key) && (await table.inline(cid)) !== undefined) this.blocks.add(key)
        return []
      }
    } else if (!isNewIn(this.#walked, `${cid.code} ${key}`)) return []
    const file = await table.file(cid)
    const isFile = file !== undefined && blobs.has(file.digest)
    if (isFile) {
      this.files.add(cid.toV1().toString())
      this.digests.add(file.digest)
      if (!mayLink(cid.code)) return []
    }
    const block = await findBlock(this.#kept, cid, this.#signal)
    if (block === undefined) return []
    if (block.digest === undefined) this.blocks.add(key)
    else if (!inFile && !isFile) this.digests.add(block.digest)
    if (block.bytes === undefined) return []
    return this.#linksOf(cid, block.bytes).map((link) => ({ cid: link, inFile: inFile || isFile }))
  }

  #linksOf(cid: CID, bytes: Uint8Array): CID[] {
    try {
      return linksOf(cid, bytes)
    } catch (error) {
      // Imported as it is, the end of the way.
      if (isFailure(error, 'CONTENT_NOT_FOUND')) return []
      throw error
    }
  }
}

function isNewIn(set: Set<string>, key: string): boolean {
  const { size } = set
  return set.add(key).size > size
}
