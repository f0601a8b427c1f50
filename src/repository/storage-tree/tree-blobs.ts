import { LRUCache } from 'lru-cache'
import type { BlobCache, BlobBytes } from '../../cache/blob-cache.ts'
import { formatContentPath } from '../../content/source.ts'
import type { ByteRange, ContentPath, ContentSource } from '../../content/source.ts'
import { Failure, isFailure } from '../../errors.ts'
import type { Digest } from '../../reference/digest.ts'
import { dataOf, layerLink, revisionLink, type StorageTree } from './storage-tree.ts'
import type { TreeLinks } from './tree-links.ts'
import { upTo } from '../../cache/up-to.ts'

/** `manifest` and `blob` have links of their own: a manifest is no blob of its repository. */
export type LinkKind = 'manifest' | 'blob'

/**
 * The blobs of repositories in storage trees, by digest. All repositories share one folder of them, and what is in the
 * cache may have come by any other way: a repository has what it has a link to.
 */
export class TreeBlobs {
  /** CIDs of data, where a source has told. */
  private readonly cids = new LRUCache<string, string>(upTo(100_000))
  private readonly content: ContentSource
  private readonly cache: BlobCache
  private readonly links: TreeLinks
  private readonly holder: string

  /** @param access what tells these sources from others */
  constructor(content: ContentSource, cache: BlobCache, links: TreeLinks, access: string) {
    this.content = content
    this.cache = cache
    this.links = links
    this.holder = `tree ${access}`
  }

  /** Where the bytes are. @throws Failure BLOB_UNKNOWN where the repository has no link to them; CONTENT_* */
  async locate(tree: StorageTree, digest: Digest, kind: LinkKind, signal: AbortSignal): Promise<ContentPath> {
    const path = kind === 'manifest' ? revisionLink(tree, digest) : layerLink(tree, digest)
    const link = await this.links.read(path, signal)
    if (link === undefined) throw unknown(tree, digest)
    return dataOf(tree.base, link.digest)
  }

  /** CID of the data, as far as that has been seen. */
  cidOf(data: ContentPath): string | undefined {
    return this.cids.get(formatContentPath(data))
  }

  /** Bytes of the blob. @throws Failure BLOB_UNKNOWN when only its link is there; CONTENT_* */
  async sizeOf(tree: StorageTree, digest: Digest, data: ContentPath, signal: AbortSignal): Promise<number> {
    const cached = this.cache.sizeOf(digest)
    if (cached !== undefined) return cached
    const { size, cid } = await this.there(tree, digest, () => this.content.stat(data, { signal }))
    this.note(data, cid?.toString())
    return size
  }

  /** @throws Failure BLOB_UNKNOWN; what the cache throws */
  open(
    tree: StorageTree,
    digest: Digest,
    data: ContentPath,
    want: { range: ByteRange | undefined; expectedSize: number | undefined; signal: AbortSignal },
  ): Promise<BlobBytes> {
    return this.cache.open(digest, { ...want, ...this.from(tree, digest, data) })
  }

  /** A manifest, whole. @throws as {@link open}; CONTENT_TOO_LARGE beyond `limit` bytes */
  bytes(
    tree: StorageTree,
    digest: Digest,
    data: ContentPath,
    want: { limit: number; signal: AbortSignal },
  ): Promise<{ bytes: Uint8Array; source: string; cached: boolean }> {
    return this.cache.bytes(digest, { ...want, expectedSize: undefined, ...this.from(tree, digest, data) })
  }

  private from(tree: StorageTree, digest: Digest, data: ContentPath) {
    return {
      holder: this.holder,
      fetch: async (range: ByteRange | undefined, signal: AbortSignal) => {
        const options = { signal, ...(range === undefined ? {} : { range }) }
        const file = await this.there(tree, digest, () => this.content.open(data, options))
        this.note(data, file.cid?.toString())
        return file
      },
    }
  }

  private note(data: ContentPath, cid: string | undefined): void {
    if (cid !== undefined) this.cids.set(formatContentPath(data), cid)
  }

  private async there<T>(tree: StorageTree, digest: Digest, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      if (isFailure(error, 'CONTENT_NOT_FOUND')) throw unknown(tree, digest)
      throw error
    }
  }
}

function unknown(tree: StorageTree, digest: Digest): Failure {
  const where = `${tree.repository.join('/')} in the registry data at ${formatContentPath(tree.base)}`
  return new Failure('BLOB_UNKNOWN', `${where} does not hold ${digest}`, { detail: { digest } })
}
