import { createHash } from 'node:crypto'
import * as dagPb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import { encodeFileMessage } from './file-message.ts'

/** Children of an inner node under `unixfs-v1-2025` (IPIP-0499). */
export const LINKS_PER_NODE = 1024

/** A finished dag-pb block. */
export interface InnerBlock {
  readonly cid: CID
  readonly bytes: Uint8Array
}

export interface FileDag {
  /** A raw CID when the file fits one leaf, else dag-pb. */
  readonly cid: CID
  /** Bytes of the file. */
  readonly size: number
  /** Bytes of all its blocks, repeats counted: the Tsize of a link to it. */
  readonly dagSize: number
  /** Number of leaves, repeats counted. */
  readonly leaves: number
  /** Blocks above the leaves, children before parents; about 50 KiB per GiB of the file. Empty for a one-leaf file. */
  readonly innerBlocks: readonly InnerBlock[]
}

interface Subtree {
  readonly cid: CID
  readonly fileSize: number
  readonly dagSize: number
}

/** The balanced tree above the raw leaves of a UnixFS file, built as they come; memory is one unfinished node per level. */
export class FileTree {
  readonly #linksPerNode: number
  readonly #innerBlocks: InnerBlock[] = []
  /** Children waiting for their parent; level 0 holds leaves. */
  readonly #levels: Subtree[][] = [[]]
  #size = 0
  #leaves = 0

  /** @param linksPerNode default {@link LINKS_PER_NODE} */
  constructor(linksPerNode = LINKS_PER_NODE) {
    this.#linksPerNode = linksPerNode
  }

  /** Bytes of the file so far. */
  get size(): number {
    return this.#size
  }

  /** Leaves so far. */
  get leaves(): number {
    return this.#leaves
  }

  /** The next leaf: its raw CID and its bytes. */
  push(cid: CID, length: number): void {
    this.#size += length
    this.#leaves += 1
    this.#push(0, { cid, fileSize: length, dagSize: length })
  }

  /** End of the file, which has at least one leaf. The tree can't be used after it. */
  finish(): FileDag {
    let level = 0
    for (;;) {
      const pending = this.#levels[level] ?? []
      const [only] = pending
      const isTop = level === this.#levels.length - 1
      if (isTop && pending.length === 1 && only !== undefined) {
        const { cid, dagSize } = only
        return { cid, size: this.#size, dagSize, leaves: this.#leaves, innerBlocks: this.#innerBlocks }
      }
      if (pending.length > 0) this.#endNode(level)
      level += 1
    }
  }

  /** A full level is closed only when one more child comes: until then it may be all there is. */
  #push(level: number, child: Subtree): void {
    let pending = this.#levels[level]
    if (pending === undefined) this.#levels[level] = pending = []
    if (pending.length === this.#linksPerNode) {
      this.#endNode(level)
      pending = this.#levels[level] = []
    }
    pending.push(child)
  }

  #endNode(level: number): void {
    const children = this.#levels[level] ?? []
    this.#levels[level] = []
    const bytes = dagPb.encode({
      Data: encodeFileMessage(children.map((child) => child.fileSize)),
      Links: children.map((child) => ({ Hash: child.cid, Name: '', Tsize: child.dagSize })),
    })
    const cid = CID.createV1(
      dagPb.code,
      Digest.create(sha256.code, createHash('sha256').update(bytes).digest()),
    )
    this.#innerBlocks.push({ cid, bytes })
    const dagSize = children.reduce((sum, child) => sum + child.dagSize, bytes.length)
    const fileSize = children.reduce((sum, child) => sum + child.fileSize, 0)
    this.#push(level + 1, { cid, fileSize, dagSize })
  }
}
