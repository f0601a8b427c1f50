import type { ByteRange, OpenedFile } from '../content/source.ts'
import type { Descriptor } from '../layout/descriptor.ts'
import type { Digest } from '../reference/digest.ts'

/** A manifest as a registry gave it: its bytes have the digest, and are a manifest. */
export interface FetchedManifest {
  readonly digest: Digest
  /** As its JSON says, else the registry's Content-Type. */
  readonly mediaType: string
  readonly bytes: Uint8Array
  /** Name of the host that gave it. */
  readonly source: string
}

/** What a registry says of a manifest without giving it. */
export interface ManifestHead {
  /** Undefined where the registry does not say. */
  readonly digest: Digest | undefined
  readonly source: string
}

export interface TagPage {
  /** In the registry's own order. */
  readonly tags: readonly string[]
  /** Query of the next page, as the registry's `Link` has it; undefined on the last page. */
  readonly next: URLSearchParams | undefined
  readonly source: string
}

export interface FetchedReferrers {
  /** From the referrers API, all its pages, else from the fallback tag. */
  readonly referrers: readonly Descriptor[]
  readonly source: string
}

export interface RegistryCall {
  readonly signal: AbortSignal
  /** Gateways that the request behind it has passed, by their names in `Via`. */
  readonly passed?: readonly string[] | undefined
}

/**
 * Another registry, read over the distribution protocol: one host, or several as one. `repository` is the name as the
 * upstream's users write it, without a host: `library/alpine`. All methods throw Failure:
 *
 * - NAME_UNKNOWN, MANIFEST_UNKNOWN, BLOB_UNKNOWN: it says that it is not there (404).
 * - UPSTREAM_DENIED: it refuses what it was asked, with the credentials it was given, or their lack (401, 403).
 * - UPSTREAM_LIMITED: it asks for fewer requests (429), `retryAfter` as it says.
 * - CONTENT_UNAVAILABLE, CONTENT_TIMEOUT: it can't be reached, answers 5xx, is silent, or breaks off.
 * - CONTENT_INVALID: it sent what has not the digest or length asked for, or is no answer to the question.
 * - CONTENT_TOO_LARGE: more than the limit.
 * - LOOP_DETECTED: it is this gateway, or asks it.
 * - OVERLOADED: too many requests wait for it already.
 *
 * An abort of the signal rejects with the signal's reason.
 */
export interface Registry {
  /** Goes into logs and metrics: `docker.io`, or `docker.io/mirror.example:443` for a fall-back. */
  readonly name: string
  /**
   * A manifest, whole and verified: by digest its bytes have that digest; by tag they have the one that the registry
   * states, where it states one.
   *
   * @param reference a tag or a digest
   * @param options `limit` in bytes
   */
  manifest(
    repository: string,
    reference: string,
    options: RegistryCall & { limit: number },
  ): Promise<FetchedManifest>
  /** A HEAD, which counts against few registries' limits. */
  headManifest(repository: string, reference: string, options: RegistryCall): Promise<ManifestHead>
  /** Open a blob, with `proof: 'none'`: what comes is for the caller to hold to the digest. Redirects are followed. */
  openBlob(
    repository: string,
    digest: Digest,
    options: RegistryCall & { range?: ByteRange | undefined },
  ): Promise<OpenedFile>
  /** Bytes of a blob, by HEAD. */
  blobSize(repository: string, digest: Digest, options: RegistryCall): Promise<number>
  /** Where the registry redirects readers of a blob to; undefined where it gives the bytes itself. */
  blobLocation(repository: string, digest: Digest, options: RegistryCall): Promise<string | undefined>
  /** One page of tags. @param query `n`, `last`, and whatever else a `Link` of this registry has asked for */
  tags(repository: string, query: URLSearchParams, options: RegistryCall): Promise<TagPage>
  referrers(repository: string, subject: Digest, options: RegistryCall): Promise<FetchedReferrers>
  /** Whether it answers at all; for readiness. Never throws. */
  healthy(signal: AbortSignal): Promise<boolean>
}
