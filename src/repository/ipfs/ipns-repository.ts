import { hedged } from '../../content/hedged.ts'
import { formatContentPath } from '../../content/source.ts'
import type { ContentPath } from '../../content/source.ts'
import { isFailure } from '../../errors.ts'
import type { NameResolver, ResolvedName } from '../../naming/resolver.ts'
import type { MutableName } from '../../reference/name.ts'
import type { Digest } from '../../reference/digest.ts'
import type {
  BlobAnswer,
  BlobPurpose,
  ManifestAnswer,
  ReferrerList,
  Repository,
  TagList,
} from '../repository.ts'
import type { TagsWanted } from '../tag-pages.ts'

export interface IpnsRepositoryOptions {
  readonly name: MutableName
  readonly segments: readonly string[]
  readonly resolver: NameResolver
  /** The repository under an immutable path. @throws Failure DENIED */
  readonly at: (path: ContentPath) => Repository
}

/** ms to wait for one root's answer before an earlier root is asked as well. */
const HEDGE_DELAY = 1000

/**
 * A repository under a mutable name. Tags come from the newest root. Digests are looked for in the last few roots as
 * well, since the name may move while an image is being pulled (also to a root that nobody has yet), and a miss resolves
 * the name once more: another gateway behind the same address may have seen a newer root.
 */
export class IpnsRepository implements Repository {
  private readonly options: IpnsRepositoryOptions

  constructor(options: IpnsRepositoryOptions) {
    this.options = options
  }

  async manifestByTag(tag: string, signal: AbortSignal): Promise<ManifestAnswer> {
    const resolved = await this.resolve(signal)
    const answer = await this.under(resolved.path).manifestByTag(tag, signal)
    return { ...answer, maxAge: resolved.maxAge, warning: warningOf(resolved) }
  }

  manifestByDigest(digest: Digest, signal: AbortSignal): Promise<ManifestAnswer> {
    return this.inAnyRoot(signal, (repository, own) => repository.manifestByDigest(digest, own))
  }

  blob(digest: Digest, purpose: BlobPurpose, signal: AbortSignal): Promise<BlobAnswer> {
    return this.inAnyRoot(signal, (repository, own) => repository.blob(digest, purpose, own))
  }

  async tags(wanted: TagsWanted, signal: AbortSignal): Promise<TagList> {
    const resolved = await this.resolve(signal)
    return { ...(await this.under(resolved.path).tags(wanted, signal)), warning: warningOf(resolved) }
  }

  referrers(subject: Digest, signal: AbortSignal): Promise<ReferrerList> {
    return this.inAnyRoot(signal, (repository, own) => repository.referrers(subject, own))
  }

  private async inAnyRoot<T extends object>(
    signal: AbortSignal,
    ask: (repository: Repository, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const resolved = await this.resolve(signal)
    const roots = [resolved.path, ...resolved.previous]
    const failures = new Map<ContentPath, unknown>()
    try {
      const { value } = await hedged(roots, {
        signal,
        delay: HEDGE_DELAY,
        ask: (path, own) => ask(this.under(path), own),
        onFailure: (error, path) => {
          failures.set(path, error)
          return false
        },
        // What the newest root says counts.
        exhausted: () => failures.get(resolved.path),
      })
      return { ...value, warning: warningOf(resolved) }
    } catch (error) {
      if (!isFailure(error, 'BLOB_UNKNOWN', 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')) throw error
      const fresh = await this.resolve(signal, true).catch(() => undefined)
      signal.throwIfAborted()
      const known = new Set(roots.map(formatContentPath))
      if (fresh === undefined || known.has(formatContentPath(fresh.path))) throw error
      return await ask(this.under(fresh.path), signal)
    }
  }

  private resolve(signal: AbortSignal, fresh = false): Promise<ResolvedName> {
    return this.options.resolver.resolve(this.options.name, { signal, fresh })
  }

  private under(path: ContentPath): Repository {
    return this.options.at({ root: path.root, segments: [...path.segments, ...this.options.segments] })
  }
}

function warningOf({ staleSince, path }: ResolvedName): string | undefined {
  if (staleSince === undefined) return undefined
  const since = new Date(staleSince).toISOString()
  return `the name could not be refreshed; serving the root known since ${since}: ${formatContentPath(path)}`
}
