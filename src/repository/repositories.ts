import { LRUCache } from 'lru-cache'
import { below, type ContentPath } from '../content/source.ts'
import { Failure } from '../errors.ts'
import type { NameResolver } from '../naming/resolver.ts'
import { parseRepositoryName, type MutableName } from '../reference/name.ts'
import { inspect } from './inspect.ts'
import type { Inspection } from './inspection.ts'
import { IpfsRepository, type IpfsParts } from './ipfs/repository.ts'
import { IpnsRepository } from './ipfs/ipns-repository.ts'
import type { Policy } from './policy.ts'
import type { Repository } from './repository.ts'

export interface RepositoriesOptions {
  readonly ipfs: IpfsParts
  readonly resolver: NameResolver
  readonly policy: Policy
}

/** Names whose repository is kept: decoding a CID is a tenth of the work for a cached manifest. */
const KEPT_NAMES = 1_000

/** From the `<name>` of a request to the repository it stands for. */
export class Repositories {
  private readonly options: RepositoriesOptions
  /** A name stands for the same repository as long as this program runs. */
  private readonly found = new LRUCache<string, Repository>({ max: KEPT_NAMES })

  constructor(options: RepositoriesOptions) {
    this.options = options
  }

  /**
   * What `/ipfs/<cid>/<path>` or `/ipns/<name>/<path>` holds.
   *
   * @throws Failure NAME_INVALID for any other path; DENIED, NAME_UNRESOLVED, CONTENT_*
   */
  async inspect(path: string, signal: AbortSignal): Promise<Inspection> {
    return inspect(path, await this.at(path, signal), this.options.ipfs, signal)
  }

  /**
   * The repository at `/ipfs/<cid>/<path>`, or where `/ipns/<name>/<path>` leads now: it stays with that root, whatever
   * becomes of the name.
   *
   * @throws Failure NAME_INVALID for any other path; DENIED, NAME_UNRESOLVED
   */
  async at(path: string, signal: AbortSignal): Promise<IpfsRepository> {
    const parsed = parseRepositoryName(path.replace(/^\/+|\/+$/g, ''))
    if (parsed.kind === 'upstream') {
      throw new Failure('NAME_INVALID', `"${path}" is neither /ipfs/<cid>/… nor /ipns/<name>/…`)
    }
    if (parsed.kind === 'ipfs') return this.underRoot(parsed)
    this.options.policy.checkName(parsed.mutable, parsed.segments)
    const target = await this.options.resolver.resolve(parsed.mutable, { signal })
    return this.underName(parsed, below(target.path, ...parsed.segments))
  }

  /** @throws Failure NAME_INVALID, NAME_UNKNOWN for a name that is neither IPFS nor IPNS, DENIED */
  find(name: string): Repository {
    let repository = this.found.get(name)
    if (repository === undefined) {
      repository = this.make(name)
      this.found.set(name, repository)
    }
    return repository
  }

  private make(name: string): Repository {
    const parsed = parseRepositoryName(name)
    switch (parsed.kind) {
      case 'ipfs':
        return this.underRoot(parsed)
      case 'ipns': {
        const { mutable, segments } = parsed
        this.options.policy.checkName(mutable, segments)
        const at = (path: ContentPath): Repository => this.underName(parsed, path)
        return new IpnsRepository({ name: mutable, segments, resolver: this.options.resolver, at })
      }
      case 'upstream':
        throw new Failure(
          'NAME_UNKNOWN',
          `"${name}" is neither ipfs/<cid>/… nor ipns/<name>/…, and this gateway serves no other registry's images`,
        )
    }
  }

  private underRoot({ root, segments }: ContentPath): IpfsRepository {
    const { ipfs, policy } = this.options
    const path = { root, segments }
    policy.checkPath(path)
    return new IpfsRepository(path, ipfs, (base) => policy.checkPath(base))
  }

  /** @param path where the name and the segments behind it lead */
  private underName({ mutable, segments }: NamePath, path: ContentPath): IpfsRepository {
    const { ipfs, policy } = this.options
    policy.checkTarget(path)
    const nameDepth = path.segments.length - segments.length
    return new IpfsRepository(path, ipfs, (base) => {
      policy.checkTarget(base)
      policy.checkName(mutable, segments.slice(0, Math.max(0, base.segments.length - nameDepth)))
    })
  }
}

interface NamePath {
  readonly mutable: MutableName
  readonly segments: readonly string[]
}
