import { LRUCache } from 'lru-cache'
import type { BlobCache, BlobBytes } from '../../cache/blob-cache.ts'
import type { Fetch } from '../../cache/fill-options.ts'
import { below, formatContentPath } from '../../content/source.ts'
import type { ByteRange, ContentPath, ContentSource } from '../../content/source.ts'
import { Failure, isFailure } from '../../errors.ts'
import { algorithmOf, encodedOf, type Digest } from '../../reference/digest.ts'
import type { Layout } from './layouts.ts'

/** Where a layout holds a blob. */
export interface HeldBlob {
  readonly path: ContentPath
  /** Bytes. */
  readonly size: number
  readonly cid: string | undefined
}

/** ms for which "the layout does not hold it" is remembered. */
const ABSENT = 5_000

/**
 * The blobs of layouts, by digest. That a blob is in the cache says nothing about the layout that is asked: each
 * layout must hold the digest itself, in its own `blobs` folder or in one above it, as shared blob folders are.
 */
export class LayoutBlobs {
  private readonly held = new LRUCache<string, HeldBlob>({ max: 100_000 })
  private readonly absent = new LRUCache<string, true>({ max: 10_000, ttl: ABSENT })
  private readonly content: ContentSource
  private readonly cache: BlobCache

  constructor(content: ContentSource, cache: BlobCache) {
    this.content = content
    this.cache = cache
  }

  /** Where the layout holds it, as far as that has been seen. */
  seen(layout: Layout, digest: Digest): HeldBlob | undefined {
    return this.held.get(keyOf(layout, digest))
  }

  /**
   * Where the layout holds it.
   *
   * @throws Failure BLOB_UNKNOWN when it does not; CONTENT_*
   */
  async find(layout: Layout, digest: Digest, signal: AbortSignal): Promise<HeldBlob> {
    const seen = this.seen(layout, digest)
    if (seen !== undefined) return seen
    return this.inCandidates(layout, digest, async (path) => {
      const { kind, size, cid } = await this.content.stat(path, { signal })
      if (kind !== 'file') throw new Failure('CONTENT_NOT_FOUND', `${formatContentPath(path)} is no file`)
      return this.note(layout, digest, { path, size, cid: cid?.toString() })
    })
  }

  /** @throws as {@link find}, and what the cache throws */
  async open(
    layout: Layout,
    digest: Digest,
    want: { range: ByteRange | undefined; expectedSize: number | undefined; signal: AbortSignal },
  ): Promise<BlobBytes> {
    await this.proveCached(layout, digest, want.signal)
    return this.cache.open(digest, { ...want, fetch: this.fetch(layout, digest) })
  }

  /** A manifest or config, whole. @throws as {@link open}; CONTENT_TOO_LARGE beyond `limit` bytes */
  async bytes(
    layout: Layout,
    digest: Digest,
    want: { limit: number; expectedSize: number | undefined; signal: AbortSignal },
  ): Promise<{ bytes: Uint8Array; source: string; cached: boolean }> {
    await this.proveCached(layout, digest, want.signal)
    return this.cache.bytes(digest, { ...want, fetch: this.fetch(layout, digest) })
  }

  /** What is fetched proves itself that the layout holds it; what is cached may have come by another layout. */
  private async proveCached(layout: Layout, digest: Digest, signal: AbortSignal): Promise<void> {
    if (this.cache.sizeOf(digest) === undefined || this.seen(layout, digest) !== undefined) return
    await this.find(layout, digest, signal)
  }

  private fetch(layout: Layout, digest: Digest): Fetch {
    return async (range, signal) => {
      const seen = this.seen(layout, digest)
      const options = { signal, ...(range === undefined ? {} : { range }) }
      if (seen !== undefined) return this.content.open(seen.path, options)
      return this.inCandidates(layout, digest, async (path) => {
        const file = await this.content.open(path, options)
        this.note(layout, digest, { path, size: file.size, cid: file.cid?.toString() })
        return file
      })
    }
  }

  private async inCandidates<T>(
    layout: Layout,
    digest: Digest,
    attempt: (path: ContentPath) => Promise<T>,
  ): Promise<T> {
    const key = keyOf(layout, digest)
    const { root, segments } = layout.base
    if (!this.absent.has(key)) {
      for (let depth = segments.length; depth >= 0; depth -= 1) {
        const folder = { root, segments: segments.slice(0, depth) }
        try {
          return await attempt(below(folder, 'blobs', algorithmOf(digest), encodedOf(digest)))
        } catch (error) {
          if (!isFailure(error, 'CONTENT_NOT_FOUND')) throw error
        }
      }
      this.absent.set(key, true)
    }
    throw new Failure(
      'BLOB_UNKNOWN',
      `the layout ${formatContentPath(layout.base)} does not hold ${digest}`,
      {
        detail: { digest },
      },
    )
  }

  private note(layout: Layout, digest: Digest, held: HeldBlob): HeldBlob {
    this.held.set(keyOf(layout, digest), held)
    return held
  }
}

function keyOf(layout: Layout, digest: Digest): string {
  return `${formatContentPath(layout.base)}@${digest}`
}
