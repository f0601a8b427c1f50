import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import * as Digest from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import { PartHashes } from '../part-hashes.ts'
import { FileTree } from './file-tree.ts'
import type { FileDag } from './file-tree.ts'

export { LINKS_PER_NODE } from './file-tree.ts'
export type { FileDag, InnerBlock } from './file-tree.ts'

/** Bytes per leaf under `unixfs-v1-2025` (IPIP-0499). */
export const LEAF_SIZE = 1024 * 1024

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

export interface FileDagOptions {
  /** Called for each leaf in order, as soon as its last byte was written. */
  readonly onLeaf?: (leaf: FileLeaf) => void
  /** Bytes; default {@link LEAF_SIZE}. */
  readonly leafSize?: number
  /** Default {@link LINKS_PER_NODE}. */
  readonly linksPerNode?: number
}

/**
 * Builds the balanced UnixFS DAG of a file in one pass: CIDv1, raw leaves, sizes as in `unixfs-v1-2025`. Leaves are
 * hashed as their pieces come and never copied, or elsewhere; memory is one unfinished node per level.
 */
export class FileDagBuilder {
  readonly #onLeaf: ((leaf: FileLeaf) => void) | undefined
  readonly #hashes: PartHashes
  readonly #tree: FileTree

  constructor(options: FileDagOptions = {}) {
    const { onLeaf, leafSize = LEAF_SIZE, linksPerNode } = options
    this.#onLeaf = onLeaf
    this.#hashes = new PartHashes({ size: leafSize, onPart: (hash, length) => this.push(hash, length) })
    this.#tree = new FileTree(linksPerNode)
  }

  /** Take the next bytes of the file, in pieces of any size; they are not kept. */
  write(piece: Uint8Array): void {
    this.#hashes.update(piece)
  }

  /** Take the next leaf of a file none of which is written here: its sha2-256, and its bytes. */
  push(digest: Uint8Array, length: number): void {
    const cid = CID.createV1(raw.code, Digest.create(sha256.code, digest))
    this.#onLeaf?.({ cid, digest, offset: this.#tree.size, length })
    this.#tree.push(cid, length)
  }

  /** End of the file. The builder can't be used after it. */
  finish(): FileDag {
    this.#hashes.finish()
    if (this.#tree.leaves === 0) this.push(createHash('sha256').digest(), 0)
    return this.#tree.finish()
  }
}
