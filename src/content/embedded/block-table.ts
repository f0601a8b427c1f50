import type { CID } from 'multiformats/cid'
import { base64url } from 'multiformats/bases/base64'
import type { Metadata } from '../../cache/metadata.ts'
import { Failure } from '../../errors.ts'
import { parseDigest, type Digest } from '../../reference/digest.ts'

/** Where the bytes of a block are. */
export type BlockPlace =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'blob'; readonly digest: Digest; readonly offset: number; readonly length: number }

/** The file that a CID stands for, kept as a blob. */
export interface FileRecord {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  /** Bytes of all its blocks. */
  readonly dagSize: number
}

const INLINE = 0
const IN_BLOB = 1

/**
 * What the embedded store knows of blocks: directories and inner nodes by value, leaves as ranges of the blob that
 * holds their bytes, so that a layer is on disk once.
 */
export class BlockTable {
  private readonly blocks
  private readonly files
  private readonly cids
  private readonly pins
  private readonly metadata: Metadata

  constructor(metadata: Metadata) {
    this.metadata = metadata
    this.blocks = metadata.sublevel<string, Uint8Array>('block', { valueEncoding: 'view' })
    this.files = metadata.sublevel<string, FileRecord>('file', { valueEncoding: 'json' })
    this.cids = metadata.sublevel('file-of', { valueEncoding: 'utf8' })
    this.pins = metadata.sublevel<string, { label: string; at: number }>('pin', { valueEncoding: 'json' })
  }

  async place(cid: CID): Promise<BlockPlace | undefined> {
    const value = await this.blocks.get(keyOf(cid))
    if (value === undefined) return undefined
    if (value[0] === INLINE) return { kind: 'inline', bytes: value.subarray(1) }
    const text = Buffer.from(value.subarray(1)).toString()
    const [digest, offset, length] = text.split(' ')
    if (digest === undefined)
      throw new Failure('STORE_FAILED', `the record of block ${cid.toString()} is damaged`)
    return { kind: 'blob', digest: parseDigest(digest), offset: Number(offset), length: Number(length) }
  }

  async file(cid: CID): Promise<FileRecord | undefined> {
    return this.files.get(cid.toString())
  }

  /** CID text of the stored file with these bytes. */
  async fileOf(digest: Digest): Promise<string | undefined> {
    return this.cids.get(digest)
  }

  async putBlocks(blocks: Iterable<{ cid: CID; bytes: Uint8Array }>): Promise<void> {
    const batch = this.metadata.batch()
    for (const { cid, bytes } of blocks) {
      batch.put(keyOf(cid), tagged(INLINE, bytes), { sublevel: this.blocks })
    }
    await batch.write()
  }

  /** A stored blob with its DAG: inner nodes by value, leaves by place. */
  async putFile(
    cid: CID,
    record: FileRecord,
    inner: Iterable<{ cid: CID; bytes: Uint8Array }>,
    leaves: Iterable<{ cid: CID; offset: number; length: number }>,
  ): Promise<void> {
    const batch = this.metadata.batch()
    for (const block of inner)
      batch.put(keyOf(block.cid), tagged(INLINE, block.bytes), { sublevel: this.blocks })
    for (const { cid: leaf, offset, length } of leaves) {
      const place = Buffer.from(`${record.digest} ${offset} ${length}`)
      batch.put(keyOf(leaf), tagged(IN_BLOB, place), { sublevel: this.blocks })
    }
    batch.put(cid.toString(), record, { sublevel: this.files })
    batch.put(record.digest, cid.toString(), { sublevel: this.cids })
    await batch.write()
  }

  /** Synchronous to disk: everything written before is durable when this resolves. */
  async pin(root: CID, label: string): Promise<void> {
    const batch = this.metadata.batch()
    batch.put(root.toString(), { label, at: Date.now() }, { sublevel: this.pins })
    await batch.write({ sync: true })
  }
}

function keyOf(cid: CID): string {
  return base64url.baseEncode(cid.multihash.bytes)
}

function tagged(tag: number, bytes: Uint8Array): Uint8Array {
  const value = new Uint8Array(bytes.length + 1)
  value[0] = tag
  value.set(bytes, 1)
  return value
}
