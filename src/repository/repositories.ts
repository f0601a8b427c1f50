import { LRUCache } from 'lru-cache'
import type { ContentPath } from '../content/source.ts'
import { Failure } from '../errors.ts'
import type { NameResolver } from '../naming/resolver.ts'
import { parseRepositoryName } from '../reference/name.ts'
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
    const { ipfs, resolver, policy } = this.options
    const parsed = parseRepositoryName(path.replace(/^\/+|\/+$/g, ''))
    if (parsed.kind === 'ipfs') {
      policy.checkPath(parsed)
      return inspect(path, parsed, ipfs, signal)
    }
    if (parsed.kind === 'ipns') {
      policy.checkName(parsed.mutable, parsed.segments)
      const { path: target } = await resolver.resolve(parsed.mutable, { signal })
      policy.checkTarget(target)
      return inspect(
        path,
        { root: target.root, segments: [...target.segments, ...parsed.segments] },
        ipfs,
        signal,
      )
    }
    throw new Failure('NAME_INVALID', `"${path}" is neither /ipfs/<cid>/… nor /ipns/<name>/…`)
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
    const { ipfs, resolver, policy } = this.options
    const parsed = parseRepositoryName(name)
    switch (parsed.kind) {
      case 'ipfs': {
        const path = { root: parsed.root, segments: parsed.segments }
        policy.checkPath(path)
        return new IpfsRepository(path, ipfs)
      }
      case 'ipns': {
        const { mutable, segments } = parsed
        policy.checkName(mutable, segments)
        const at = (path: ContentPath): Repository => {
          policy.checkTarget(path)
          return new IpfsRepository(path, ipfs)
        }
        return new IpnsRepository({ name: mutable, segments, resolver, at })
      }
      case 'upstream':
        throw new Failure(
          'NAME_UNKNOWN',
          `"${name}" is neither ipfs/<cid>/… nor ipns/<name>/…, and this gateway serves no other registry's images`,
        )
    }
  }
}
