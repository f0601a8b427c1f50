import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import * as dagPb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import * as Digest from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import { encodeFileMessage } from './file-message.ts'

/** Bytes per leaf under `unixfs-v1-2025` (IPIP-0499). */
export const LEAF_SIZE = 1024 * 1024
/** Children of an inner node under `unixfs-v1-2025`. */
export const LINKS_PER_NODE = 1024

/** A raw leaf: a range of the file that is a block by itself. */
export interface FileLeaf {
  readonly cid: CID
  /** sha2-256 of the bytes: the digest inside the CID's multihash, 32 bytes. */
  readonly digest: Uint8Array
  /** Byte of the file at which the leaf begins. */
  readonly offset: number
  /** Bytes; 0 only for the one leaf of an empty file. */
  readonly length: number
}

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

export interface FileDagOptions {
  /** Called for each leaf in order, as soon as its last byte was written. */
  readonly onLeaf?: (leaf: FileLeaf) => void
  /** Bytes; default {@link LEAF_SIZE}. */
  readonly leafSize?: number
  /** Default {@link LINKS_PER_NODE}. */
  readonly linksPerNode?: number
}

interface Subtree {
  readonly cid: CID
  readonly fileSize: number
  readonly dagSize: number
}

/**
 * Builds the balanced UnixFS DAG of a file in one pass: CIDv1, raw leaves, sizes as in `unixfs-v1-2025`. Leaves are
 * hashed as their pieces come and never copied; memory is one unfinished node per level.
 */
export class FileDagBuilder {
  readonly #onLeaf: ((leaf: FileLeaf) => void) | undefined
  readonly #leafSize: number
  readonly #linksPerNode: number
  readonly #innerBlocks: InnerBlock[] = []
  /** Children waiting for their parent; level 0 holds leaves. */
  readonly #levels: Subtree[][] = [[]]
  #hash: Hash = createHash('sha256')
  #inLeaf = 0
  #size = 0
  #leaves = 0

  constructor(options: FileDagOptions = {}) {
    this.#onLeaf = options.onLeaf
    this.#leafSize = options.leafSize ?? LEAF_SIZE
    this.#linksPerNode = options.linksPerNode ?? LINKS_PER_NODE
  }

  /** Take the next bytes of the file, in pieces of any size; they are not kept. */
  write(piece: Uint8Array): void {
    let from = 0
    while (from < piece.length) {
      const until = Math.min(piece.length, from + this.#leafSize - this.#inLeaf)
      this.#hash.update(from === 0 && until === piece.length ? piece : piece.subarray(from, until))
      this.#inLeaf += until - from
      from = until
      if (this.#inLeaf === this.#leafSize) this.#endLeaf()
    }
  }

  /** End of the file. The builder can't be used after it. */
  finish(): FileDag {
    if (this.#inLeaf > 0 || this.#leaves === 0) this.#endLeaf()
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

  #endLeaf(): void {
    const digest = this.#hash.digest()
    const length = this.#inLeaf
    const cid = CID.createV1(raw.code, Digest.create(sha256.code, digest))
    const leaf = { cid, digest, offset: this.#size, length }
    this.#size += length
    this.#leaves += 1
    this.#inLeaf = 0
    this.#hash = createHash('sha256')
    this.#onLeaf?.(leaf)
    this.#push(0, { cid, fileSize: length, dagSize: length })
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
