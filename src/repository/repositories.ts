import { LRUCache } from 'lru-cache'
import { below } from '../content/source.ts'
import { Failure } from '../errors.ts'
import type { MappedName } from '../mapping/mapping.ts'
import { isReserved } from '../roots/repository-path.ts'
import { parseRepositoryName } from '../reference/name.ts'
import { ContentNames, type ContentName, type IpfsAccess } from './content-names.ts'
import { inspect } from './inspect.ts'
import type { Inspection } from './inspection.ts'
import type { IpfsRepository } from './ipfs/repository.ts'
import { MappedRepository } from './mapped-repository.ts'
import { routeName, spellingsOf, type OrdinaryRoute, type UpstreamNames } from './name-route.ts'
import { PlacedRepository } from './placed-repository.ts'
import type { Policy } from './policy.ts'
import type { Repository } from './repository.ts'
import { LocalFirstRepository } from './roots/local-first-repository.ts'
import { namedPlace, ownFirst, ownPlace, type PushedNames, type WritePurpose } from './roots/pushed-names.ts'
import { ReadOnlyRoot, type ReadOnlyRootPlace } from './roots/read-only-root.ts'
import type { Upstream } from './upstream/upstream.ts'
import type { WritableRepository } from './writable-repository.ts'

/** Everything about names that are not paths on IPFS. */
export interface OrdinaryNames {
  readonly names: UpstreamNames
  readonly upstreams: ReadonlyMap<string, Upstream>
  /** What the rules say of a name with its registry in front. @throws Failure CONTENT_UNAVAILABLE when they are not known yet */
  readonly mapped: (canonical: string) => MappedName | undefined
  /** Rises when the rules change. */
  readonly mappingVersion: () => number
  /** Names that are never asked of an upstream, in any of the ways to write them. */
  readonly isLocal: (name: string) => boolean
  /** The sources that a rule allows. */
  readonly accessTo: (sources: readonly string[]) => IpfsAccess
  /** ms that the first place of a mapped name is waited for before the second is asked as well. */
  readonly mapWait: number
}

export interface RepositoriesOptions extends IpfsAccess {
  readonly policy: Policy
  /** Undefined where nothing is pushed. */
  readonly pushed?: PushedNames
  /** Registries of others, in the order in which they are asked. */
  readonly readOnlyRoots?: readonly ReadOnlyRootPlace[]
  /** Undefined where only names on IPFS are served. */
  readonly ordinary?: OrdinaryNames
}

/** What a request says besides the name. */
export interface Asked {
  /** Registry whose image it means (distribution-spec, "Registry Proxying"); undefined where it does not say. */
  readonly namespace: string | undefined
  /** Gateways that it has passed, by their names in `Via`. */
  readonly passed: readonly string[]
}

/** Names whose repository is kept: decoding a CID is a tenth of the work for a cached manifest. */
const KEPT_NAMES = 1_000

const NO_UPSTREAMS: UpstreamNames = { byAlias: new Map(), fallback: undefined }

/** From the `<name>` of a request to the repository it stands for. */
export class Repositories {
  private readonly options: RepositoriesOptions
  private readonly content: ContentNames
  private readonly readOnlyRoots: readonly ReadOnlyRoot[]
  /** A name stands for the same repository until the rules change. */
  private readonly found = new LRUCache<string, Repository>({ max: KEPT_NAMES })
  private foundUnder = 0

  constructor(options: RepositoriesOptions) {
    this.options = options
    this.content = new ContentNames(options.policy)
    this.readOnlyRoots = (options.readOnlyRoots ?? []).map(
      ({ root, kept }) => new ReadOnlyRoot(contentNameOf(root), options, this.content, kept),
    )
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
    const parsed = contentNameOf(path)
    const { ipfs } = this.options
    if (parsed.kind === 'ipfs') return this.content.underRoot(ipfs, parsed)
    this.options.policy.checkName(parsed.mutable, parsed.segments)
    const target = await this.options.resolver.resolve(parsed.mutable, { signal })
    return this.content.underName(ipfs, parsed, below(target.path, ...parsed.segments))
  }

  /**
   * @throws Failure NAME_INVALID, NAME_UNKNOWN for a name that stands for nothing here, DENIED; CONTENT_UNAVAILABLE when
   *   the rules about ordinary names are not known yet
   */
  find(name: string, asked: Asked): Repository {
    const { namespace, passed } = asked
    // What has passed other gateways must say so upstream, so it gets a repository of its own.
    if (passed.length > 0) return this.make(name, namespace, passed)
    const version = this.options.ordinary?.mappingVersion() ?? 0
    if (version !== this.foundUnder) {
      this.found.clear()
      this.foundUnder = version
    }
    const key = namespace === undefined ? name : `${name}?${namespace}`
    let repository = this.found.get(key)
    if (repository === undefined) {
      repository = this.make(name, namespace, passed)
      this.found.set(key, repository)
    }
    return repository
  }

  /**
   * The repository that is changed under this name, or that blobs are mounted from.
   *
   * @returns undefined for a name that can't be pushed to
   * @throws Failure NAME_INVALID, ROOT_UNREADABLE; DENIED for a push that the rules would have elsewhere
   */
  async findWritable(
    name: string,
    { namespace }: Asked,
    purpose: WritePurpose,
  ): Promise<WritableRepository | undefined> {
    const { pushed, ordinary } = this.options
    if (pushed === undefined || namespace !== undefined) return undefined
    const route = routeName(name, namespace, ordinary?.names ?? NO_UPSTREAMS)
    if (route.kind === 'ipns') {
      const asked = { name, root: route.mutable, repository: route.segments.join('/') }
      return namedPlace(pushed, asked, purpose)
    }
    if (route.kind !== 'ordinary' || route.plain === undefined) return undefined
    return ownPlace(pushed, route.plain, purpose)
  }

  private make(name: string, namespace: string | undefined, passed: readonly string[]): Repository {
    const route = routeName(name, namespace, this.options.ordinary?.names ?? NO_UPSTREAMS)
    const { pushed } = this.options
    if (route.kind !== 'ordinary') {
      const elsewhere = (): Repository => this.onIpfs(route)
      const own = route.kind === 'ipns' ? pushed?.named(route.mutable, route.segments.join('/')) : undefined
      return own === undefined ? elsewhere() : new LocalFirstRepository(own, elsewhere)
    }
    const { plain } = route
    if (plain === undefined || isReserved(plain)) return this.ordinary(route, passed)
    if (pushed === undefined) return this.inRootsOfOthers(route, plain, passed)
    return ownFirst(pushed, plain, () => this.inRootsOfOthers(route, plain, passed))
  }

  /** A name on IPFS. Where it is that of a root of others, what is kept of that root is not asked for elsewhere. */
  private onIpfs(name: ContentName): Repository {
    const anywhere = this.content.repository(this.options, name)
    const roots = this.readOnlyRoots.filter((root) => root.keeps(name))
    if (roots.length === 0) return anywhere
    return new PlacedRepository(async (asked, signal) => {
      for (const root of roots) {
        const kept = await root.findKept(name, asked, signal)
        if (kept !== undefined) return kept
      }
      return anywhere
    })
  }

  /** A name that nothing here has: it may be in a root of others, else it is what it is without them. */
  private inRootsOfOthers(route: OrdinaryRoute, plain: string, passed: readonly string[]): Repository {
    if (this.readOnlyRoots.length === 0) return this.ordinary(route, passed)
    return new PlacedRepository(async (asked, signal) => {
      for (const root of this.readOnlyRoots) {
        const repository = await root.find(plain, asked, signal)
        if (repository !== undefined) return repository
      }
      return this.ordinary(route, passed)
    })
  }

  /** An ordinary name that no root of ours has: what the rules say of it, its upstream, or both. */
  private ordinary(route: OrdinaryRoute, passed: readonly string[]): Repository {
    const { ordinary } = this.options
    if (ordinary === undefined) throw servesNothing(route)
    const mapped = this.ruleFor(route, ordinary)
    const upstream =
      route.upstream === undefined ||
      spellingsOf(route, ordinary.names).some(ordinary.isLocal) ||
      mapped?.order === 'ipfs-only'
        ? undefined
        : ordinary.upstreams.get(route.upstream)
    if (mapped === undefined) {
      if (upstream === undefined) throw this.nowhere(route)
      return upstream.repository(route.repository, passed)
    }
    const access = mapped.sources === undefined ? this.options : ordinary.accessTo(mapped.sources)
    const onIpfs = this.content.repository(access, contentName(mapped))
    // What the upstream's own lists exclude may be on IPFS all the same.
    if (upstream?.allows(route.repository) !== true) return onIpfs
    const there = upstream.repository(route.repository, passed)
    return mapped.order === 'upstream-first'
      ? new MappedRepository(there, onIpfs, ordinary.mapWait)
      : new MappedRepository(onIpfs, there, ordinary.mapWait)
  }

  /** A rule may write its registry by any name of it, but not leave it out. */
  private ruleFor(route: OrdinaryRoute, { names, mapped }: OrdinaryNames): MappedName | undefined {
    const spellings = spellingsOf(route, names).filter((name) =>
      names.byAlias.has(name.split('/', 1)[0] ?? ''),
    )
    for (const name of [route.canonical, ...spellings]) {
      const rule = mapped(name)
      if (rule !== undefined) return rule
    }
    return undefined
  }

  private nowhere(route: OrdinaryRoute): Failure {
    const { canonical, upstream } = route
    if (upstream !== undefined) {
      return new Failure('NAME_UNKNOWN', `"${canonical}" is a local name, and no rule says where it is`)
    }
    const upstreams = [...(this.options.ordinary?.upstreams.keys() ?? [])].join(', ') || 'none'
    return new Failure(
      'NAME_UNKNOWN',
      `"${canonical}" is of no registry that is configured here (upstreams: ${upstreams})`,
    )
  }
}

/** @throws Failure NAME_INVALID for any other path than `/ipfs/<cid>/<path>` and `/ipns/<name>/<path>` */
function contentNameOf(path: string): ContentName {
  const parsed = parseRepositoryName(path.replace(/^\/+|\/+$/g, ''))
  if (parsed.kind !== 'upstream') return parsed
  throw new Failure('NAME_INVALID', `"${path}" is neither /ipfs/<cid>/… nor /ipns/<name>/…`)
}

/** @throws Failure NAME_INVALID when the rule leads to something that is not on IPFS */
function contentName({ path, rule }: MappedName): ContentName {
  const parsed = parseRepositoryName(path)
  if (parsed.kind !== 'upstream') return parsed
  throw new Failure('NAME_INVALID', `the rule for "${rule}" leads to "${path}", which is no path on IPFS`)
}

function servesNothing({ canonical }: OrdinaryRoute): Failure {
  return new Failure(
    'NAME_UNKNOWN',
    `"${canonical}" is neither ipfs/<cid>/… nor ipns/<name>/…, and this gateway serves no other registry's images`,
  )
}
