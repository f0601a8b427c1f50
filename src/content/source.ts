import type { CID } from 'multiformats/cid'

/** A path below an immutable root: `/ipfs/<root>/<segments…>`. */
export interface ContentPath {
  readonly root: CID
  readonly segments: readonly string[]
}

/** Bytes `start` up to but not including `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export interface ContentStat {
  readonly kind: 'file' | 'directory'
  /** Bytes of the file; 0 for a directory. */
  readonly size: number
  /** What the path resolves to, where the source can tell. */
  readonly cid: CID | undefined
  readonly proof: Proof
}

export interface DirectoryEntry {
  readonly name: string
  readonly cid: CID | undefined
}

/**
 * Whether what a source says is proved: `blocks` means that every directory block on the path and every block of
 * the file is checked against its CID; `none` means that the source is believed and only whole blobs can be
 * checked, against their OCI digest.
 */
export type Proof = 'blocks' | 'none'

export interface OpenOptions {
  readonly signal: AbortSignal
  /** Part of the file; `end` may be past the end of the file and is then clamped. Default: the whole file. */
  readonly range?: ByteRange
}

/** An open file. Whoever gets one must read `body` to its end, or end it early by its `return()`, or abort the signal. */
export interface OpenedFile {
  /** Bytes of the whole file, not of the range. */
  readonly size: number
  readonly cid: CID | undefined
  /** Of everything read so far: `none` as soon as a body continues on a source without proof. */
  readonly proof: Proof
  /** Name of the source the bytes come from; may change while a body continues on another source. */
  readonly source: string
  /**
   * The bytes of the range, in order, in pieces of at most 2 MiB. Exactly the range, or a throw: a body that is cut
   * short throws Failure CONTENT_UNAVAILABLE, one with wrong blocks CONTENT_INVALID. A piece is valid until the next
   * is asked for.
   */
  readonly body: AsyncIterable<Uint8Array>
  /** Tell the source, or sources, that gave bytes without proof that these were wrong. */
  discredit(reason: string): void
}

/**
 * Where bytes under `/ipfs/<cid>/<path>` come from. All methods throw Failure:
 *
 * - CONTENT_NOT_FOUND: nothing is there, or not a thing of this kind. Said only with proof, or by a trusted source.
 * - CONTENT_UNAVAILABLE: this source can't give it now, or is not known to have it.
 * - CONTENT_TIMEOUT: likewise, after waiting.
 * - CONTENT_INVALID: it sent wrong blocks, or an answer that is none.
 * - CONTENT_TOO_LARGE: a directory or file is beyond the limits.
 * - OVERLOADED: too many requests wait for it already.
 *
 * An abort of the signal rejects with the signal's reason.
 */
export interface ContentSource {
  /** Unique among the configured sources; goes into logs and metrics: `embedded`, `kubo`, `gateway:host`. */
  readonly name: string
  readonly proof: Proof
  stat(path: ContentPath, options: { signal: AbortSignal }): Promise<ContentStat>
  /** Opens a file. Resolves when its size and first bytes are known to come. */
  open(path: ContentPath, options: OpenOptions): Promise<OpenedFile>
  /** Entries of a directory, at most `limit` of them, in the directory's own order. */
  list(path: ContentPath, options: { limit: number; signal: AbortSignal }): Promise<DirectoryEntry[]>
  /** Whether the source answers at all; for readiness. Never throws. */
  healthy(signal: AbortSignal): Promise<boolean>
}

/** `/ipfs/<root>/<segments…>` as people and logs write it. */
export function formatContentPath(path: ContentPath): string {
  return ['/ipfs', path.root.toString(), ...path.segments].join('/')
}

/** The path one level or more further down. */
export function below(path: ContentPath, ...segments: string[]): ContentPath {
  return { root: path.root, segments: [...path.segments, ...segments] }
}

/** The part of `range` that a file of `size` bytes has. */
export function clampRange(range: ByteRange | undefined, size: number): ByteRange {
  const start = Math.min(range?.start ?? 0, size)
  return { start, end: Math.max(start, Math.min(range?.end ?? size, size)) }
}
