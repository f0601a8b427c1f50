import { LRUCache } from 'lru-cache'
import type { BlobCache } from '../../cache/blob-cache.ts'
import { Failure } from '../../errors.ts'
import type { Registry } from '../../upstream/registry.ts'
import type { ParsedManifests } from '../parsed-manifests.ts'
import type { Repository } from '../repository.ts'
import { Freshness, type Checked, type Refreshed, type Wanted } from './freshness.ts'
import type { KnownImages } from './known-images.ts'
import { UpstreamRepository } from './repository.ts'

/** What all upstreams share. */
export interface UpstreamParts {
  readonly cache: BlobCache
  readonly known: KnownImages
  readonly parsed: ParsedManifests
  /** Bytes of the largest manifest that is read. */
  readonly maxManifestSize: number
  /** ms for which a tag is taken as it was. */
  readonly tagTtl: number
  /** ms since its last check for which a tag is served when its upstream can't be asked; 0 for never. */
  readonly tagStale: number
  /** ms that asking an upstream goes on after everyone's time was up. */
  readonly lingerMs: number
  /** An answer was given that could not be refreshed. */
  readonly onStale?: (upstream: string) => void
  readonly now?: () => number
}

export interface UpstreamOptions {
  /** As its images are named: `docker.io`. */
  readonly name: string
  readonly registry: Registry
  /** Whether clients are sent on to where the registry sends readers of blobs. */
  readonly redirectClients: boolean
  /** Why a repository is not served; undefined for one that is. */
  readonly excluded: (repository: string) => string | undefined
}

/** Lists of tags and referrers that are kept, and characters of them. */
const KEPT_LISTS = 1_000
const KEPT_TEXT = 16 * 1024 * 1024

/** Another registry, whose repositories are served from here: cached, verified, and still there when it is not. */
export class Upstream {
  readonly options: UpstreamOptions
  readonly parts: UpstreamParts
  readonly now: () => number
  private readonly freshness: Freshness
  private readonly lists = new LRUCache<string, Checked<object>>({
    max: KEPT_LISTS,
    maxSize: KEPT_TEXT,
    sizeCalculation: ({ value }, key) => key.length + JSON.stringify(value).length,
  })

  constructor(options: UpstreamOptions, parts: UpstreamParts) {
    const { tagTtl: ttl, tagStale: stale, lingerMs, now = Date.now } = parts
    this.options = options
    this.parts = parts
    this.now = now
    this.freshness = new Freshness({ ttl, stale, lingerMs, now })
  }

  /**
   * @param passed gateways that the request has passed
   * @throws Failure DENIED
   */
  repository(name: string, passed: readonly string[]): Repository {
    const why = this.options.excluded(name)
    if (why !== undefined) {
      throw new Failure('DENIED', `${this.options.name}/${name} is not served by this gateway: ${why}`)
    }
    return new UpstreamRepository(this, name, passed)
  }

  /** Whether {@link repository} gives it. */
  allows(name: string): boolean {
    return this.options.excluded(name) === undefined
  }

  /** As {@link Freshness.get}; what is stale is counted. */
  async refreshed<T>(wanted: Wanted<T>): Promise<Refreshed<T>> {
    const refreshed = await this.freshness.get(wanted)
    if (refreshed.stale !== undefined) this.parts.onStale?.(this.options.name)
    return refreshed
  }

  /** A list, as {@link refreshed}, which is kept here. */
  async list<T extends object>(wanted: Omit<Wanted<T>, 'before'>): Promise<Refreshed<T>> {
    const { key, ask, signal } = wanted
    return this.refreshed<T>({
      key,
      before: this.lists.get(key) as Checked<T> | undefined,
      ask: async (own) => {
        const value = await ask(own)
        this.lists.set(key, { value, checked: this.now() })
        return value
      },
      signal,
    })
  }
}
