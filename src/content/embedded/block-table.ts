import { CID } from 'multiformats/cid'
import { base64url } from 'multiformats/bases/base64'
import type { Metadata, MetadataBatch } from '../../cache/metadata.ts'
import { SharedLock } from '../../cache/shared-lock.ts'
import { parseDigest, type Digest } from '../../reference/digest.ts'
import type { NotedLeaf } from '../dag/block-notes.ts'

/** Where the bytes of a block are. */
export type BlockPlace = { readonly kind: 'inline'; readonly bytes: Uint8Array } | LeafPlace

/** A block whose content is a range of a stored blob. */
export interface LeafPlace {
  readonly kind: 'leaf'
  readonly digest: Digest
  readonly offset: number
  /** Bytes of the range. */
  readonly length: number
  /** What stands around the range in the block, where the block is more than its content. */
  readonly wrap?: { readonly prefix: Uint8Array; readonly suffix: Uint8Array }
}

/** What is known of blocks and of the files they make up. */
export interface BlockPlaces {
  /** Everywhere the block may be, best first; blobs that are named may be gone. */
  places(cid: CID): Promise<readonly BlockPlace[]>
  file(cid: CID): Promise<StoredFile | undefined>
}

/** The file that a CID stands for, kept as a blob. */
export interface StoredFile {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
}

/** A file whose whole DAG is kept. */
export interface FileRecord extends StoredFile {
  /** Bytes of all its blocks. */
  readonly dagSize: number
}

/** How {@link LeafPlace} is written down, but for the blob's digest. */
export interface LeafRecord {
  readonly offset: number
  readonly length: number
  /** Base64. */
  readonly prefix?: string
  readonly suffix?: string
}

/** Blobs that hold the same leaf and are looked at. */
export const MOST_PLACES = 8

/**
 * What the embedded store knows of blocks: directories and inner nodes by value, leaves as ranges of the blobs that
 * hold their bytes, so that a layer is on disk once.
 */
export class BlockTable implements BlockPlaces {
  /**
   * Shared by those who write what they pin in the end. Who collects garbage takes it alone, so that nothing goes which
   * is about to be pinned.
   */
  readonly writing = new SharedLock()
  private readonly metadata: Metadata
  private readonly blocks
  private readonly leaves
  private readonly files
  private readonly cids
  private readonly pins

  constructor(metadata: Metadata) {
    this.metadata = metadata
    const { blocks, leaves, files, cids } = blockRecords(metadata)
    this.blocks = blocks
    this.leaves = leaves
    this.files = files
    this.cids = cids
    this.pins = metadata.sublevel<string, Pin>('pin', { valueEncoding: 'json' })
  }

  async places(cid: CID): Promise<BlockPlace[]> {
    const key = keyOf(cid)
    const bytes = await this.blocks.get(key)
    if (bytes !== undefined) return [{ kind: 'inline', bytes }]
    const found: BlockPlace[] = []
    // One entry for each blob that holds the leaf: `0` is the character after `/`.
    const range = { gte: `${key}/`, lt: `${key}0`, limit: MOST_PLACES }
    for (const [leafKey, record] of await this.leaves.iterator(range).all()) {
      found.push(placeOf(parseDigest(leafKey.slice(key.length + 1)), record))
    }
    return found
  }

  async file(cid: CID): Promise<FileRecord | undefined> {
    return this.files.get(cid.toV1().toString())
  }

  /** CID text of the stored file with these bytes, as `publish` makes it. */
  async fileOf(digest: Digest): Promise<string | undefined> {
    return this.cids.get(digest)
  }

  async putBlocks(blocks: Iterable<{ cid: CID; bytes: Uint8Array }>): Promise<void> {
    const batch = this.metadata.batch()
    for (const { cid, bytes } of blocks) batch.put(keyOf(cid), bytes, { sublevel: this.blocks })
    await batch.write()
  }

  /** Leaves whose bytes are ranges of a stored blob. */
  async putLeaves(digest: Digest, leaves: Iterable<NotedLeaf>): Promise<void> {
    const batch = this.metadata.batch()
    for (const leaf of leaves)
      batch.put(`${keyOf(leaf.cid)}/${digest}`, recordOf(leaf), { sublevel: this.leaves })
    await batch.write()
  }

  /**
   * A stored blob whose leaves have been put, and the nodes above them that have not.
   *
   * @param options `published`: that this is the DAG which `publish` makes of these bytes
   */
  async putFile(
    cid: CID,
    record: FileRecord,
    inner: Iterable<{ cid: CID; bytes: Uint8Array }>,
    { published }: { published: boolean },
  ): Promise<void> {
    const batch = this.metadata.batch()
    for (const block of inner) batch.put(keyOf(block.cid), block.bytes, { sublevel: this.blocks })
    batch.put(cid.toV1().toString(), record, { sublevel: this.files })
    if (published) batch.put(record.digest, cid.toString(), { sublevel: this.cids })
    await batch.write()
  }

  /** Synchronous to disk: everything written before is durable when this resolves. */
  async pin(root: CID, label: string): Promise<void> {
    const batch = this.metadata.batch()
    batch.put(root.toString(), { label, at: Date.now() }, { sublevel: this.pins })
    await batch.write({ sync: true })
  }

  /** What a pin is called; undefined where there is none. */
  async labelOf(root: CID): Promise<string | undefined> {
    const found = await this.pins.getMany([...new Set([root, root.toV1()].map(String))])
    return found.find((pin) => pin !== undefined)?.label
  }

  /** CIDs of the pins of this name. */
  async pinnedAs(label: string): Promise<ReadonlySet<string>> {
    const found = new Set<string>()
    for await (const [key, pin] of this.pins.iterator()) if (pin.label === label) found.add(key)
    return found
  }

  /** Whether there was such a pin. Synchronous to disk. */
  async unpin(root: CID): Promise<boolean> {
    const keys = [...new Set([root, root.toV1()].map(String))]
    const found = await this.pins.getMany(keys)
    const batch = this.metadata.batch()
    for (const key of keys) batch.del(key, { sublevel: this.pins })
    await batch.write({ sync: true })
    return found.some((pin) => pin !== undefined)
  }

  /** What is published and imported. */
  async *pinned(): AsyncGenerator<CID, void, undefined> {
    for await (const key of this.pins.keys()) yield CID.parse(key)
  }

  /** The block by value, where it is kept so. */
  async inline(cid: CID): Promise<Uint8Array | undefined> {
    return this.blocks.get(keyOf(cid))
  }

  /** Add blocks by value to a batch. */
  addBlocks(batch: MetadataBatch, blocks: Iterable<{ cid: CID; bytes: Uint8Array }>): void {
    for (const { cid, bytes } of blocks) batch.put(keyOf(cid), bytes, { sublevel: this.blocks })
  }
}

interface Pin {
  readonly label: string
  /** ms since the epoch. */
  readonly at: number
}

/** What is written down of blocks and files. */
export function blockRecords(metadata: Metadata) {
  return {
    /** By {@link keyOf}. */
    blocks: metadata.sublevel<string, Uint8Array>('inline-block', { valueEncoding: 'view' }),
    /** By {@link keyOf}, a slash, and the digest of the blob. */
    leaves: metadata.sublevel<string, LeafRecord>('leaf', { valueEncoding: 'json' }),
    /** By the CIDv1 as text. */
    files: metadata.sublevel<string, FileRecord>('file', { valueEncoding: 'json' }),
    /** CID as text by digest. */
    cids: metadata.sublevel<string, string>('file-of', { valueEncoding: 'utf8' }),
  }
}

/** A block has one key whatever codec its CID names. */
export function keyOf(cid: CID): string {
  return base64url.baseEncode(cid.multihash.bytes)
}

export function recordOf({ offset, length, wrap }: NotedLeaf): LeafRecord {
  if (wrap === undefined) return { offset, length }
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
  return { offset, length, prefix: text(wrap.prefix), suffix: text(wrap.suffix) }
}

export function placeOf(digest: Digest, { offset, length, prefix, suffix }: LeafRecord): LeafPlace {
  const place = { kind: 'leaf' as const, digest, offset, length }
  if (prefix === undefined || suffix === undefined) return place
  return {
    ...place,
    wrap: { prefix: Buffer.from(prefix, 'base64'), suffix: Buffer.from(suffix, 'base64') },
  }
}
