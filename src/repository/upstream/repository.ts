import type { ByteRange, OpenedFile } from '../../content/source.ts'
import { Failure, isFailure } from '../../errors.ts'
import type { Manifest } from '../../layout/manifest.ts'
import type { Digest } from '../../reference/digest.ts'
import { isTag } from '../../reference/tag.ts'
import type { FetchedManifest, FetchedReferrers, RegistryCall, TagPage } from '../../upstream/registry.ts'
import type {
  BlobAnswer,
  BlobPurpose,
  ManifestAnswer,
  Provenance,
  ReferrerList,
  Repository,
  TagList,
} from '../repository.ts'
import type { TagsWanted } from '../tag-pages.ts'
import type { Refreshed } from './freshness.ts'
import type { KnownContent } from './known-images.ts'
import { memoryFile } from './memory-file.ts'
import { queryOf, tagPageOf } from './tag-query.ts'
import type { Upstream } from './upstream.ts'

/**
 * A repository of another registry. Blobs and manifests by digest are taken from the cache for ever; what is cached may
 * have come by another repository, so this one must be known to hold the digest itself.
 */
export class UpstreamRepository implements Repository {
  private readonly upstream: Upstream
  private readonly name: string
  /** With its registry in front. */
  private readonly canonical: string
  private readonly passed: readonly string[]

  constructor(upstream: Upstream, name: string, passed: readonly string[]) {
    this.upstream = upstream
    this.name = name
    this.canonical = `${upstream.options.name}/${name}`
    this.passed = passed
  }

  async manifestByTag(tag: string, signal: AbortSignal): Promise<ManifestAnswer> {
    if (!isTag(tag)) throw new Failure('MANIFEST_UNKNOWN', `"${tag.slice(0, 160)}" is no tag`)
    const { known, cache } = this.upstream.parts
    const began = this.upstream.now()
    const seen = await known.tag(this.canonical, tag)
    const here = seen !== undefined && cache.sizeOf(seen.digest) !== undefined
    const { value, stale } = await this.upstream.refreshed<Tagged>({
      key: `${this.canonical}:${tag}`,
      before: seen === undefined || !here ? undefined : { value: seen, checked: seen.checked },
      ask: (own) => this.askTag(tag, began, own),
      signal,
    })
    const answer = await this.manifest(value.digest, stale === undefined ? signal : signalOf(signal))
    // What was fetched for this answer is no answer out of the cache.
    const { source = answer.source } = value
    return { ...answer, source, cached: value.source === undefined, warning: warningOf(stale) }
  }

  manifestByDigest(digest: Digest, signal: AbortSignal): Promise<ManifestAnswer> {
    return this.manifest(digest, signal)
  }

  async blob(digest: Digest, purpose: BlobPurpose, signal: AbortSignal): Promise<BlobAnswer> {
    const { cache } = this.upstream.parts
    const content = await this.hold(digest, signal, (call) => this.blobSize(digest, call))
    const cached = cache.sizeOf(digest)
    const open: BlobAnswer['open'] = (range, own) =>
      cache.open(digest, {
        fetch: this.fetchBlob(digest),
        holder: `${this.canonical} blobs`,
        held: content !== undefined,
        expectedSize: content?.size,
        range,
        signal: own,
      })
    const from = this.provenance(this.upstream.options.name, cached !== undefined)
    const opens = purpose === 'whole' || purpose === 'range'
    if (opens && cached === undefined && this.upstream.options.redirectClients) {
      const location = await this.registry.blobLocation(this.name, digest, this.call(signal))
      if (location !== undefined) return { ...from, size: content?.size ?? 0, location, open }
    }
    if (purpose === 'whole') {
      const body = await open(undefined, signal)
      const { size, source } = body
      return { ...from, source, cached: body.cached, size, open: () => Promise.resolve(body) }
    }
    // A layer may be named and not be there, so a HEAD that is not of something cached asks.
    const known = cached ?? (purpose === 'range' ? content?.size : undefined)
    return { ...from, size: known ?? (await this.blobSize(digest, this.call(signal))), open }
  }

  async tags(wanted: TagsWanted, signal: AbortSignal): Promise<TagList> {
    const query = queryOf(wanted)
    const { value, stale } = await this.upstream.list<TagPage>({
      key: `tags ${this.canonical} ${query.toString()}`,
      ask: (own) => this.registry.tags(this.name, query, this.call(own)),
      signal,
    })
    return { ...this.provenance(value.source, false), ...tagPageOf(value, wanted), warning: warningOf(stale) }
  }

  async referrers(subject: Digest, signal: AbortSignal): Promise<ReferrerList> {
    const { value, stale } = await this.upstream.list<FetchedReferrers>({
      key: `referrers ${this.canonical}@${subject}`,
      ask: (own) => this.registry.referrers(this.name, subject, this.call(own)),
      signal,
    })
    const { referrers, source } = value
    for (const { digest, mediaType } of referrers) {
      this.upstream.parts.known.setContent(this.canonical, digest, { size: undefined, mediaType })
    }
    return { ...this.provenance(source, false), referrers, warning: warningOf(stale) }
  }

  private get registry() {
    return this.upstream.options.registry
  }

  private call(signal: AbortSignal): RegistryCall {
    return { signal, passed: this.passed }
  }

  /** What the tag means now. @param since an answer that somebody else has had since then (ms since 1970) will do */
  private async askTag(tag: string, since: number, signal: AbortSignal): Promise<Tagged> {
    const { cache, known, maxManifestSize: limit } = this.upstream.parts
    const { registry, canonical } = this
    try {
      const seen = await known.tag(canonical, tag)
      if (seen !== undefined && cache.sizeOf(seen.digest) !== undefined) {
        if (seen.checked >= since && seen.checked <= this.upstream.now()) return { digest: seen.digest }
        const head = await registry.headManifest(this.name, tag, this.call(signal))
        if (head.digest === seen.digest) {
          known.setTag(canonical, tag, { digest: seen.digest, checked: this.upstream.now() })
          return { digest: seen.digest }
        }
      }
      const fetched = await registry.manifest(this.name, tag, { limit, ...this.call(signal) })
      await this.keep(fetched, signal)
      const { digest, source } = fetched
      known.setTag(canonical, tag, { digest, checked: this.upstream.now() })
      return { digest, source }
    } catch (error) {
      if (isFailure(error, 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')) await known.forgetTag(canonical, tag)
      throw error
    }
  }

  /** Bring a manifest that has come by its tag into the cache, and note what it shows. */
  private async keep(fetched: FetchedManifest, signal: AbortSignal): Promise<void> {
    const { cache, known, maxManifestSize: limit } = this.upstream.parts
    const { digest, bytes, source, mediaType } = fetched
    await cache.bytes(digest, {
      // Whoever fetches it elsewhere may have to wait.
      holder: 'here',
      fetch: (range) => Promise.resolve(memoryFile(bytes, source, range)),
      expectedSize: bytes.length,
      limit,
      signal,
    })
    known.setContent(this.canonical, digest, { size: bytes.length, mediaType })
  }

  private async manifest(digest: Digest, signal: AbortSignal): Promise<ManifestAnswer> {
    const { cache, parsed, known, maxManifestSize: limit } = this.upstream.parts
    const content = await this.hold(digest, signal, (call) =>
      this.registry.headManifest(this.name, digest, call),
    )
    const { bytes, source, cached } = await cache.bytes(digest, {
      fetch: this.fetchManifest(digest),
      holder: `${this.canonical} manifests`,
      held: content !== undefined,
      expectedSize: content?.size,
      limit,
      signal,
    })
    const mediaType = content?.mediaType ?? ''
    const manifest: Manifest | undefined = parsed.get(digest, mediaType, bytes)
    if (manifest === undefined) {
      throw new Failure('MANIFEST_UNKNOWN', `${digest} is no manifest`, { detail: { digest } })
    }
    known.setManifest(this.canonical, digest, bytes.length, manifest)
    const where = this.provenance(source, cached)
    return { ...where, digest, mediaType: manifest.mediaType, bytes, maxAge: undefined }
  }

  /**
   * What is known of a digest that this repository holds. What is in the cache may have come by another repository:
   * that this one holds it too is asked then, unless it is known. Undefined: a fetch is to show it.
   */
  private async hold(
    digest: Digest,
    signal: AbortSignal,
    ask: (call: RegistryCall) => Promise<unknown>,
  ): Promise<KnownContent | undefined> {
    const { cache, known } = this.upstream.parts
    const content = await known.content(this.canonical, digest)
    if (content !== undefined || cache.sizeOf(digest) === undefined) return content
    await ask(this.call(signal))
    const held = { size: cache.sizeOf(digest), mediaType: '' }
    known.setContent(this.canonical, digest, held)
    return held
  }

  private async blobSize(digest: Digest, call: RegistryCall): Promise<number> {
    return this.registry.blobSize(this.name, digest, call)
  }

  private fetchManifest(digest: Digest) {
    return async (range: ByteRange | undefined, signal: AbortSignal): Promise<OpenedFile> => {
      const { known, maxManifestSize: limit } = this.upstream.parts
      const fetched = await this.registry.manifest(this.name, digest, { limit, ...this.call(signal) })
      const { bytes, mediaType, source } = fetched
      known.setContent(this.canonical, digest, { size: bytes.length, mediaType })
      return memoryFile(bytes, source, range)
    }
  }

  private fetchBlob(digest: Digest) {
    return async (range: ByteRange | undefined, signal: AbortSignal): Promise<OpenedFile> => {
      const file = await this.registry.openBlob(this.name, digest, { ...this.call(signal), range })
      // Its size is no more than what the head of one answer says.
      this.upstream.parts.known.setContent(this.canonical, digest, { size: undefined, mediaType: '' })
      return file
    }
  }

  private provenance(source: string, cached: boolean): Provenance {
    return { source, cached, contentPath: undefined, roots: [], warning: undefined }
  }
}

/** What a tag means; `source` is the host that gave the manifest just now. */
interface Tagged {
  readonly digest: Digest
  readonly source?: string
}

/** For an older answer after time is up: it is here, so it takes none. */
function signalOf(signal: AbortSignal): AbortSignal {
  return signal.aborted ? new AbortController().signal : signal
}

function warningOf(stale: Refreshed<unknown>['stale']): string | undefined {
  if (stale === undefined) return undefined
  const since = new Date(stale.since).toISOString()
  return `the upstream could not be asked; serving what it said at ${since} (${stale.reason})`
}
