import type { CID } from 'multiformats/cid'
import { base64url } from 'multiformats/bases/base64'
import type { Metadata } from '../../cache/metadata.ts'
import { RecentEntries } from '../../cache/recent-entries.ts'
import { inlineBytes } from '../../verify/block.ts'
import type { BlockNotes, NotedLeaf } from '../dag/block-notes.ts'
import {
  type BlockPlace,
  type BlockPlaces,
  keyOf,
  type LeafRecord,
  MOST_PLACES,
  placeOf,
  recordOf,
  type StoredFile,
} from './block-table.ts'

export interface RecentBlocksOptions {
  readonly metadata: Metadata
  /** Bytes after which what was not used lately is dropped; up to twice that is kept. */
  readonly limit: number
  /** Something could not be written or read; it is as if it had not been noted. */
  readonly onFailure: (error: unknown) => void
}

/**
 * The DAGs of what the cache holds, as far as they were seen when it was fetched: directories and inner nodes by value,
 * leaves by their place in a file, and which blob a file is. A leaf has no place before its whole file has been stored,
 * and none while the blob is gone.
 */
export class RecentBlocks implements BlockPlaces, BlockNotes {
  private readonly entries: RecentEntries

  private constructor(entries: RecentEntries) {
    this.entries = entries
  }

  static async open(options: RecentBlocksOptions): Promise<RecentBlocks> {
    return new RecentBlocks(await RecentEntries.open({ ...options, name: 'recent-block' }))
  }

  block(cid: CID, bytes: Uint8Array): void {
    if (inlineBytes(cid) !== undefined) return
    this.entries.add(blockKey(cid), () => new Uint8Array(bytes))
  }

  leaf(file: CID, leaf: NotedLeaf): void {
    if (inlineBytes(leaf.cid) !== undefined) return
    this.entries.add(leafKey(leaf.cid) + fileKey(file), () => json(recordOf(leaf)))
  }

  /** The bytes of this file, proved by its blocks, are those of a blob that is stored. */
  stored(file: CID, { digest, size }: StoredFile): void {
    this.entries.put(fileKey(file), json({ digest, size }))
  }

  async places(cid: CID): Promise<BlockPlace[]> {
    const bytes = await this.entries.get(blockKey(cid))
    if (bytes !== undefined) return [{ kind: 'inline', bytes }]
    const prefix = leafKey(cid)
    const places: BlockPlace[] = []
    for (const [key, value] of await this.entries.withPrefix(prefix, MOST_PLACES)) {
      const file = await this.fileAt(key.slice(prefix.length))
      if (file !== undefined) places.push(placeOf(file.digest, parse<LeafRecord>(value)))
    }
    return places
  }

  async file(cid: CID): Promise<StoredFile | undefined> {
    return this.fileAt(fileKey(cid))
  }

  /** Resolves when everything noted so far is written. */
  settled(): Promise<void> {
    return this.entries.settled()
  }

  private async fileAt(key: string): Promise<StoredFile | undefined> {
    const value = await this.entries.get(key)
    return value === undefined ? undefined : parse<StoredFile>(value)
  }
}

function blockKey(cid: CID): string {
  return `block/${keyOf(cid)}`
}

/** What the keys of a leaf begin with: there is one for each file that it is part of. */
function leafKey(cid: CID): string {
  return `leaf/${keyOf(cid)}/`
}

/** Of a block with another codec, the file is another one. */
function fileKey(cid: CID): string {
  return `file/${base64url.baseEncode(cid.toV1().bytes)}`
}

function json(value: LeafRecord | StoredFile): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

function parse<T>(value: Uint8Array): T {
  return JSON.parse(Buffer.from(value).toString()) as T
}
