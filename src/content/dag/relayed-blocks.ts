import type { CID } from 'multiformats/cid'
import { Failure, messageOf } from '../../errors.ts'
import type { BlockReader } from '../unixfs/blocks.ts'
import { blockOf, type HeldBlock, type HeldBlockReader, type HeldBlocks } from './held-blocks.ts'

/** Holds nothing: for a gateway without a store. */
export const NOTHING_HELD: HeldBlocks = { reader: () => new RelayingReader(undefined, []) }

/** What is held, and what is not from the first of others who has it; what is fetched is not kept. */
export function relayedBlocks(held: HeldBlocks, others: readonly BlockReader[]): HeldBlocks {
  return { reader: () => new RelayingReader(held.reader(), others) }
}

class RelayingReader implements HeldBlockReader {
  readonly #held: HeldBlockReader | undefined
  readonly #others: readonly BlockReader[]

  constructor(held: HeldBlockReader | undefined, others: readonly BlockReader[]) {
    this.#held = held
    this.#others = others
  }

  async find(cid: CID, { signal }: { signal: AbortSignal }): Promise<HeldBlock | undefined> {
    const held = await this.#held?.find(cid, { signal })
    if (held !== undefined || this.#others.length === 0) return held
    const bytes = await this.#fetch(cid, signal)
    return { ...blockOf(bytes), fetched: true }
  }

  async get(cid: CID, { signal }: { signal: AbortSignal }): Promise<Uint8Array> {
    if ((await this.#held?.find(cid, { signal })) !== undefined && this.#held !== undefined) {
      return this.#held.get(cid, { signal })
    }
    return this.#fetch(cid, signal)
  }

  async close(): Promise<void> {
    await this.#held?.close()
  }

  async #fetch(cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    const said: string[] = []
    for (const other of this.#others) {
      signal.throwIfAborted()
      try {
        return await other.get(cid, { signal })
      } catch (error) {
        said.push(messageOf(error))
      }
    }
    signal.throwIfAborted()
    const why = said.length === 0 ? 'is not in the store' : `could not be had: ${said.join('; ')}`
    throw new Failure('CONTENT_UNAVAILABLE', `block ${cid.toString()} ${why}`)
  }
}
