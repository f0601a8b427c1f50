import type { ByteRange } from '../content/source.ts'
import type { Descriptor } from '../layout/descriptor.ts'
import type { Digest } from '../reference/digest.ts'
import type { TagsWanted } from './tag-pages.ts'

/** Where an answer came from, for headers, the access log and metrics. */
export interface Provenance {
  /** `memory`, `disk`, or the name of a content source. */
  source: string
  /** Whether the answer needed no source. */
  cached: boolean
  /** `/ipfs/<cid>/<path…>` of what is served; undefined for content that is not from IPFS. */
  contentPath: string | undefined
  /** CIDs known on that path, root first. */
  roots: readonly string[]
  /** Text for a `Warning` header, such as a stale root. */
  warning: string | undefined
}

export interface ManifestAnswer extends Provenance {
  readonly digest: Digest
  readonly mediaType: string
  readonly bytes: Uint8Array
  /** Seconds that a tag may be cached by clients and proxies; undefined: always revalidate. */
  readonly maxAge: number | undefined
}

export interface BlobAnswer extends Provenance {
  /** Bytes of the whole blob. */
  readonly size: number
  /** Where the client may fetch it instead, by wish of the operator. */
  readonly location?: string | undefined
  /**
   * Read the blob, or a part of it. Pieces are valid until the next one is asked for. A body that can't be
   * completed, or whose last piece fails the digest, throws.
   */
  open(range: ByteRange | undefined, signal: AbortSignal): Promise<BlobBody>
}

/**
 * `head`: it must be there and its size known. `unchanged`: as `head`, for a client that has it. `whole` and `range`:
 * {@link BlobAnswer.open} is called next, so that a source is asked once; for a range the size is known before.
 */
export type BlobPurpose = 'head' | 'unchanged' | 'whole' | 'range'

export interface BlobBody {
  /** Bytes of the whole blob. */
  readonly size: number
  readonly source: string
  readonly cached: boolean
  readonly pieces: AsyncIterable<Uint8Array>
}

export interface TagList extends Provenance {
  /** Of the page that was asked for. */
  readonly tags: readonly string[]
  /** Query of the next page; undefined on the last one. */
  readonly next: URLSearchParams | undefined
}

export interface ReferrerList extends Provenance {
  readonly referrers: readonly Descriptor[]
}

/**
 * One repository as the registry endpoints see it. Throws Failure: NAME_UNKNOWN, MANIFEST_UNKNOWN, BLOB_UNKNOWN for
 * what is not there; CONTENT_*, NAME_UNRESOLVED and UPSTREAM_LIMITED for what can't be had now; DENIED, UPSTREAM_DENIED.
 */
export interface Repository {
  manifestByTag(tag: string, signal: AbortSignal): Promise<ManifestAnswer>
  manifestByDigest(digest: Digest, signal: AbortSignal): Promise<ManifestAnswer>
  blob(digest: Digest, purpose: BlobPurpose, signal: AbortSignal): Promise<BlobAnswer>
  tags(wanted: TagsWanted, signal: AbortSignal): Promise<TagList>
  referrers(subject: Digest, signal: AbortSignal): Promise<ReferrerList>
}
