import type { ContentPath } from '../content/source.ts'
import type { MutableName } from '../reference/name.ts'

/** What a mutable name points at now, and pointed at lately. */
export interface ResolvedName {
  /** The immutable path, after following every IPNS and DNSLink step. */
  readonly path: ContentPath
  /** Seconds for which the answer may be kept: what is left of the TTL, within the floor and ceiling of the settings. */
  readonly maxAge: number
  /** Set when refreshing failed and the last known root is served: since when (ms since the epoch) it is known. */
  readonly staleSince: number | undefined
  /** Earlier paths of the name, newest first, without `path` itself. */
  readonly previous: readonly ContentPath[]
}

/**
 * IPNS names and DNSLinks to immutable paths.
 *
 * @throws Failure NAME_UNRESOLVED when it can't be resolved and no last known root may be served;
 *   CONTENT_NOT_FOUND when a source that can know says that the name does not exist (a DNSLink without record)
 */
export interface NameResolver {
  /** `fresh` skips what is remembered: for a digest that none of the remembered roots has. */
  resolve(name: MutableName, options: { signal: AbortSignal; fresh?: boolean }): Promise<ResolvedName>
}

/** One step, without memory; each kind of source that can resolve names is one of these. */
export interface NameLookup {
  /** For logs and metrics: `embedded`, `kubo`, `gateway:host`, `dns`. */
  readonly name: string
  /**
   * Whether it answers from what was kept here and can't know of anything newer: then its answer is taken only where
   * the others give none in time.
   */
  readonly fromMemory?: boolean
  /** Whether this look-up is for names of this kind. */
  accepts(name: MutableName): boolean
  /** `fresh` asks for an answer that is not from a cache on the way, where the look-up has a say in that. */
  lookup(name: MutableName, options: { signal: AbortSignal; fresh?: boolean }): Promise<NameAnswer>
}

export interface NameAnswer {
  /** `/ipfs/<cid>/…` or `/ipns/<name>/…` */
  readonly value: string
  /** Seconds; undefined where the look-up can't tell. */
  readonly ttl: number | undefined
  /** IPNS records: sequence and validity (ms since the epoch), so that an older record never replaces a newer one. */
  readonly sequence?: bigint
  readonly validUntil?: number
}
