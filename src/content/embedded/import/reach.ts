import type { CID } from 'multiformats/cid'
import { Failure, isFailure } from '../../../errors.ts'
import { inlineBytes } from '../../../verify/block.ts'
import { linksOf, mayLink } from '../../dag/links.ts'
import { DAG_PB, decodeNode, RAW, type FileNode } from '../../unixfs/node.ts'
import { NumberSet } from './number-set.ts'
import type { StagedBlock, StagedBlocks } from './staged-blocks.ts'

/** Blocks up to this size are kept as such, even where one of them is a whole file. */
export const SMALL_FILE = 64 * 1024

/** Links that wait for their turn; a block of 2 MiB has some 50 000. */
const MAX_WAITING = 250_000

/** Missing blocks that are told apart. */
export const MAX_MISSING = 10_000

export interface ReachedRoot {
  readonly cid: CID
  /** Blocks that no root before it leads to, and their bytes. */
  readonly blocks: number
  readonly bytes: number
}

export interface Reached {
  readonly roots: readonly ReachedRoot[]
  /** Numbers of the blocks that are there. */
  readonly numbers: NumberSet
  /** How many of them the CAR brought. */
  readonly fromCar: number
  /** CIDs of blocks that are nowhere, in the order in which they were missed; at most {@link MAX_MISSING}. */
  readonly missing: ReadonlySet<string>
}

interface Link {
  readonly cid: CID
  /** Whether it is by itself what it is, and not a part of the file that links to it. */
  readonly whole: boolean
}

export interface ReachOptions {
  /** Whether blocks that are no sound dag-pb, dag-cbor or dag-json are taken as ends of the way. */
  readonly allowUnsound: boolean
  readonly onBytes: (count: number) => void
}

/**
 * Find all that the roots lead to, and note in `blocks` which files are to become blobs.
 *
 * @throws Failure CONTENT_NOT_FOUND for an unsound block, CONTENT_TOO_LARGE for a DAG that is absurdly wide
 */
export async function reach(
  blocks: StagedBlocks,
  roots: readonly CID[],
  options: ReachOptions,
): Promise<Reached> {
  const numbers = new NumberSet()
  const missing = new Set<string>()
  const walk = new Walk(blocks, options)
  const reachedRoots: ReachedRoot[] = []
  let fromCar = 0
  for (const cid of roots) {
    let bytes = 0
    const before = numbers.size
    for await (const { link, block } of walk.from(cid)) {
      if (block === undefined) {
        if (missing.size < MAX_MISSING) missing.add(link.cid.toString())
      } else if (numbers.add(block.number)) {
        bytes += block.size
        if (block.at !== undefined) fromCar += 1
        options.onBytes(block.size)
      }
    }
    reachedRoots.push({ cid, blocks: numbers.size - before, bytes })
  }
  return { roots: reachedRoots, numbers, fromCar, missing }
}

class Walk {
  readonly #blocks: StagedBlocks
  readonly #options: ReachOptions
  /** Blocks that have been met, apart for each codec that is read in its own way, and for wholes and parts. */
  readonly #met = new Map<string, NumberSet>()

  constructor(blocks: StagedBlocks, options: ReachOptions) {
    this.#blocks = blocks
    this.#options = options
  }

  /** The links met on the way, each with its block; the same block may come more than once. */
  async *from(root: CID): AsyncGenerator<{ link: Link; block: StagedBlock | undefined }, void, undefined> {
    const inline = inlineBytes(root)
    const waiting: Link[] =
      inline === undefined ? [{ cid: root, whole: true }] : this.#linksOf(root, inline, true)
    for (let link = waiting.pop(); link !== undefined; link = waiting.pop()) {
      const block = await this.#blocks.find(link.cid)
      yield { link, block }
      if (block === undefined) continue
      for (const below of await this.#enter(link, block)) waiting.push(below)
      if (waiting.length > MAX_WAITING) {
        throw new Failure('CONTENT_TOO_LARGE', `${root.toString()} is made of absurdly many blocks`)
      }
    }
  }

  /** What is below a block, the next on top; nothing where it has been entered before. */
  async #enter({ cid, whole }: Link, block: StagedBlock): Promise<Link[]> {
    const isNewWhole = whole && this.#meet(cid, block, 'whole')
    if (!mayLink(cid.code)) {
      if (isNewWhole && cid.code === RAW && block.size > SMALL_FILE) {
        await this.#blocks.addFile({ cid, size: block.size })
      }
      return []
    }
    const isNew = this.#meet(cid, block, 'any')
    if (!isNew && !isNewWhole) return []
    const bytes = await this.#blocks.read(cid, block)
    const file = fileIn(cid, bytes)
    if (isNewWhole && file !== undefined && (file.children.length > 0 || block.size > SMALL_FILE)) {
      await this.#blocks.addFile({ cid, size: file.size })
    }
    return isNew ? this.#linksOf(cid, bytes, file === undefined) : []
  }

  #meet(cid: CID, { number }: StagedBlock, as: 'whole' | 'any'): boolean {
    const key = `${mayLink(cid.code) ? cid.code : RAW} ${as}`
    let met = this.#met.get(key)
    if (met === undefined) this.#met.set(key, (met = new NumberSet()))
    return met.add(number)
  }

  #linksOf(cid: CID, bytes: Uint8Array, whole: boolean): Link[] {
    try {
      return linksOf(cid, bytes)
        .reverse()
        .map((link) => ({ cid: link, whole }))
    } catch (error) {
      if (this.#options.allowUnsound && isFailure(error, 'CONTENT_NOT_FOUND')) return []
      throw error
    }
  }
}

function fileIn(cid: CID, bytes: Uint8Array): FileNode | undefined {
  if (cid.code !== DAG_PB) return undefined
  try {
    const node = decodeNode(cid, bytes)
    return node.kind === 'file' ? node : undefined
  } catch (error) {
    // Whatever it is, it has blocks below it.
    if (isFailure(error, 'CONTENT_NOT_FOUND')) return undefined
    throw error
  }
}
