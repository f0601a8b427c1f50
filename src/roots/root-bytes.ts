import type { CID } from 'multiformats/cid'
import type { BlockReader } from '../content/unixfs/blocks.ts'
import { directoryEntries, directoryRoot, type DirectoryRoot } from '../content/unixfs/directory.ts'
import { RAW } from '../content/unixfs/node.ts'
import { isFailure } from '../errors.ts'
import type { TreePath } from './root-tree.ts'

/** Blocks of a sharded folder that are read at once. */
const READ_AHEAD = 8

interface Step {
  readonly cid: CID
  /** Bytes of all blocks below it; 0 where only a folder can be. */
  readonly dagSize: number
  readonly path: TreePath
}

/** Counts the bytes of the files in versions of roots: equal files once. It reads folders, not files. */
export class RootBytes {
  readonly #blocks: BlockReader
  readonly #counted = new Set<string>()
  #total = 0

  constructor(blocks: BlockReader) {
    this.#blocks = blocks
  }

  /** @returns bytes of all versions that were added so far */
  async add(root: CID, signal: AbortSignal): Promise<number> {
    const waiting: Step[] = [{ cid: root, dagSize: 0, path: [] }]
    for (let step = waiting.pop(); step !== undefined; step = waiting.pop()) {
      const key = step.cid.toString()
      if (this.#counted.has(key)) continue
      this.#counted.add(key)
      const entries = await this.#entries(step, signal)
      if (entries === undefined) this.#total += step.dagSize
      else waiting.push(...entries)
    }
    return this.#total
  }

  /** Undefined for a file. */
  async #entries({ cid, path }: Step, signal: AbortSignal): Promise<Step[] | undefined> {
    // Below `blobs/<algorithm>` are files, however large: their blocks need not be read to know that.
    if (cid.code === RAW || path.at(-3) === 'blobs') return undefined
    const root = asFolder(cid, await this.#blocks.get(cid, { signal }), path.join('/'))
    if (root === undefined) return undefined
    const entries: Step[] = []
    for await (const entry of directoryEntries(this.#blocks, root, { signal, readAhead: READ_AHEAD })) {
      entries.push({ cid: entry.cid, dagSize: entry.dagSize, path: [...path, entry.name] })
    }
    return entries
  }
}

function asFolder(cid: CID, block: Uint8Array, what: string): DirectoryRoot | undefined {
  try {
    return directoryRoot(cid, block, what)
  } catch (error) {
    if (isFailure(error, 'CONTENT_NOT_FOUND')) return undefined
    throw error
  }
}
