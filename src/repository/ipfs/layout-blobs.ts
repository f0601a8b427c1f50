import { LRUCache } from 'lru-cache'
import type { CID } from 'multiformats/cid'
import type { BlobCache, BlobBytes } from '../../cache/blob-cache.ts'
import type { Fetch } from '../../cache/fill-options.ts'
import { below, formatContentPath } from '../../content/source.ts'
import type { ByteRange, ContentPath, ContentSource, Proof } from '../../content/source.ts'
import { Failure, isFailure } from '../../errors.ts'
import { algorithmOf, encodedOf, type Digest } from '../../reference/digest.ts'
import type { Layout } from './layouts.ts'
import type { RecordStore } from '../record-store.ts'
import { upTo } from '../../cache/up-to.ts'

/** Where a layout holds a blob. */
export interface HeldBlob {
  readonly path: ContentPath
  /** Bytes. */
  readonly size: number
  readonly cid: string | undefined
  readonly proof: Proof
}

/** What is kept of it across restarts, when blocks have proved it. */
export interface SavedBlob {
  /** Segments of the path that lead to the folder whose `blobs` folder it lies in. */
  readonly depth: number
  /** Bytes. */
  readonly size: number
  readonly cid: string | undefined
}

export interface LayoutBlobsOptions {
  readonly records?: RecordStore<SavedBlob> | undefined
  /** What tells these sources from others. */
  readonly access?: string
  /** Whether failures say which layout it was; they do by default. */
  readonly tellsPaths?: boolean
}

/** ms for which "the layout does not hold it" is remembered. */
const ABSENT = 5_000

/**
 * The blobs of layouts, by digest. That a blob is in the cache says nothing about the layout that is asked: each
 * layout must hold the digest itself, in its own `blobs` folder or in one above it, as shared blob folders are.
 */
export class LayoutBlobs {
  private readonly held = new LRUCache<string, HeldBlob>(upTo(100_000))
  private readonly absent = new LRUCache<string, true>({ max: 10_000, ttl: ABSENT })
  private readonly content: ContentSource
  private readonly cache: BlobCache
  private readonly records: RecordStore<SavedBlob> | undefined
  private readonly holder: string
  private readonly tellsPaths: boolean

  /** @param options `records`: without them nothing is kept across restarts */
  constructor(content: ContentSource, cache: BlobCache, options: LayoutBlobsOptions = {}) {
    const { records, access = '', tellsPaths = true } = options
    this.content = content
    this.cache = cache
    this.records = records
    this.holder = `ipfs ${access}`
    this.tellsPaths = tellsPaths
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
    const seen = this.seen(layout, digest) ?? (await this.recall(layout, digest))
    const size = this.cache.sizeOf(digest)
    if (seen !== undefined && size !== undefined) return { ...seen, size }
    // A size that was only told is asked for again.
    if (seen?.proof === 'blocks') return seen
    return this.inCandidates(layout, digest, async (depth) => {
      const path = pathAt(layout, depth, digest)
      const stat = await this.content.stat(path, { signal })
      if (stat.kind !== 'file')
        throw new Failure('CONTENT_NOT_FOUND', `${formatContentPath(path)} is no file`)
      return this.note(layout, digest, depth, stat)
    })
  }

  /** @throws as {@link find}, and what the cache throws */
  async open(
    layout: Layout,
    digest: Digest,
    want: { range: ByteRange | undefined; expectedSize: number | undefined; signal: AbortSignal },
  ): Promise<BlobBytes> {
    await this.proveCached(layout, digest, want.signal)
    return this.cache.open(digest, { ...want, holder: this.holder, fetch: this.fetch(layout, digest) })
  }

  /** A manifest or config, whole. @throws as {@link open}; CONTENT_TOO_LARGE beyond `limit` bytes */
  async bytes(
    layout: Layout,
    digest: Digest,
    want: { limit: number; expectedSize: number | undefined; signal: AbortSignal },
  ): Promise<{ bytes: Uint8Array; source: string; cached: boolean }> {
    await this.proveCached(layout, digest, want.signal)
    return this.cache.bytes(digest, { ...want, holder: this.holder, fetch: this.fetch(layout, digest) })
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
      return this.inCandidates(layout, digest, async (depth) => {
        const file = await this.content.open(pathAt(layout, depth, digest), options)
        this.note(layout, digest, depth, file)
        return file
      })
    }
  }

  private async inCandidates<T>(
    layout: Layout,
    digest: Digest,
    attempt: (depth: number) => Promise<T>,
  ): Promise<T> {
    const key = keyOf(layout, digest)
    if (!this.absent.has(key)) {
      for (let depth = layout.base.segments.length; depth >= 0; depth -= 1) {
        try {
          return await attempt(depth)
        } catch (error) {
          if (!isFailure(error, 'CONTENT_NOT_FOUND')) throw error
        }
      }
      this.absent.set(key, true)
    }
    const where = this.tellsPaths ? `the layout ${formatContentPath(layout.base)}` : 'the repository'
    throw new Failure('BLOB_UNKNOWN', `${where} does not hold ${digest}`, { detail: { digest } })
  }

  private note(
    layout: Layout,
    digest: Digest,
    depth: number,
    found: { size: number; cid: CID | undefined; proof: Proof },
  ): HeldBlob {
    const { size, proof } = found
    const cid = found.cid?.toString()
    const held = { path: pathAt(layout, depth, digest), size, cid, proof }
    const key = keyOf(layout, digest)
    this.held.set(key, held)
    if (proof === 'blocks') this.records?.put(key, { depth, size, cid })
    return held
  }

  private async recall(layout: Layout, digest: Digest): Promise<HeldBlob | undefined> {
    const key = keyOf(layout, digest)
    const saved = await this.records?.get(key)
    if (saved === undefined) return undefined
    const { depth, size, cid } = saved
    const held = { path: pathAt(layout, depth, digest), size, cid, proof: 'blocks' as const }
    this.held.set(key, held)
    return held
  }
}

function keyOf(layout: Layout, digest: Digest): string {
  return `${formatContentPath(layout.base)}@${digest}`
}

function pathAt({ base: { root, segments } }: Layout, depth: number, digest: Digest): ContentPath {
  const folder = { root, segments: segments.slice(0, depth) }
  return below(folder, 'blobs', algorithmOf(digest), encodedOf(digest))
}
