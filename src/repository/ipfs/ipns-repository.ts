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

export interface IpnsRepositoryOptions {
  readonly name: MutableName
  readonly segments: readonly string[]
  readonly resolver: NameResolver
  /** The repository under an immutable path. @throws Failure DENIED */
  readonly at: (path: ContentPath) => Repository
}

/**
 * A repository under a mutable name. Tags come from the newest root. Digests are looked for in the last few roots as
 * well, since the name may move while an image is being pulled, and a miss resolves the name once more: another
 * gateway behind the same address may have seen a newer root.
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
    return this.inAnyRoot(signal, (repository) => repository.manifestByDigest(digest, signal))
  }

  blob(digest: Digest, purpose: BlobPurpose, signal: AbortSignal): Promise<BlobAnswer> {
    return this.inAnyRoot(signal, (repository) => repository.blob(digest, purpose, signal))
  }

  async tags(signal: AbortSignal): Promise<TagList> {
    const resolved = await this.resolve(signal)
    return { ...(await this.under(resolved.path).tags(signal)), warning: warningOf(resolved) }
  }

  referrers(subject: Digest, signal: AbortSignal): Promise<ReferrerList> {
    return this.inAnyRoot(signal, (repository) => repository.referrers(subject, signal))
  }

  private async inAnyRoot<T extends object>(
    signal: AbortSignal,
    ask: (repository: Repository) => Promise<T>,
  ): Promise<T> {
    const resolved = await this.resolve(signal)
    const tried = new Set<string>()
    let miss: unknown
    const attempt = async (path: ContentPath): Promise<T | undefined> => {
      const text = formatContentPath(path)
      if (tried.has(text)) return undefined
      tried.add(text)
      try {
        return await ask(this.under(path))
      } catch (error) {
        if (!isFailure(error, 'BLOB_UNKNOWN', 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')) throw error
        miss ??= error
        return undefined
      }
    }
    for (const path of [resolved.path, ...resolved.previous]) {
      const answer = await attempt(path)
      if (answer !== undefined) return { ...answer, warning: warningOf(resolved) }
    }
    const fresh = await this.resolve(signal, true).catch(() => undefined)
    signal.throwIfAborted()
    const answer = fresh === undefined ? undefined : await attempt(fresh.path)
    if (answer !== undefined) return answer
    throw miss
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
