import { Failure } from '../errors.ts'
import { parseRepositoryName, type RepositoryName } from '../reference/name.ts'

/** The upstream registries by the names that requests may use for them: a closed world. */
export interface UpstreamNames {
  /** From every name and alias to the upstream's own name. */
  readonly byAlias: ReadonlyMap<string, string>
  /** Whose images are meant when no registry is named; undefined: nobody's. */
  readonly fallback: string | undefined
}

/** What a name stands for, before any rule about it is looked up. */
export type NameRoute =
  | Extract<RepositoryName, { kind: 'ipfs' | 'ipns' }>
  | {
      readonly kind: 'ordinary'
      /** With its registry in front, as rules are written: `docker.io/library/alpine`. */
      readonly canonical: string
      /** Undefined where the name means no configured upstream. */
      readonly upstream: string | undefined
      /** The repository there. */
      readonly repository: string
      /** The name as it came, where it names no registry: a repository pushed to this gateway may have it. */
      readonly plain?: string
    }

export type OrdinaryRoute = Extract<NameRoute, { kind: 'ordinary' }>

/** Docker's own registry: what a name without a registry means to a runtime, and where single names are below `library`. */
const DOCKER_HUB = 'docker.io'

/** `host[:port]`, or a plain word. */
const REGISTRY = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::\d{1,5})?$/i

/**
 * Tell what the name in a request stands for. In this order:
 *
 * 1. The registry that a mirror is asked for (`?ns=`, or that of the listener) means that registry's images. Only
 *    those of Docker Hub may be content: `docker pull ipfs/<cid>/app` with a mirrored runtime can't be said otherwise.
 * 2. `ipfs/<cid>/…` and `ipns/<name>/…` are content.
 * 3. A first component that names an upstream means that.
 * 4. A first component that looks like a host means a registry that is not configured.
 * 5. All else is an image of the default upstream, where no repository of this gateway has the name.
 *
 * A host in a request chooses among the configured upstreams; it is never dialled.
 *
 * @param namespace the registry a mirror is asked for; undefined where this gateway itself is asked
 * @throws Failure NAME_INVALID; NAME_UNKNOWN for a namespace that can't be a registry's name
 */
export function routeName(name: string, namespace: string | undefined, names: UpstreamNames): NameRoute {
  if (namespace !== undefined) return inNamespace(name, namespace, names)
  const parsed = parseRepositoryName(name)
  if (parsed.kind !== 'upstream') return parsed
  const slash = name.indexOf('/')
  const first = slash === -1 ? '' : name.slice(0, slash)
  const named = names.byAlias.get(first)
  if (named !== undefined) return below(named, name.slice(slash + 1), names)
  if (first.includes('.') || first === 'localhost') {
    return { kind: 'ordinary', canonical: name, upstream: undefined, repository: name.slice(slash + 1) }
  }
  if (names.fallback !== undefined) return { ...below(names.fallback, name, names), plain: name }
  return { kind: 'ordinary', canonical: name, upstream: undefined, repository: name, plain: name }
}

/**
 * Every way to write a repository of an upstream that requests may use: with each name of the registry or none in
 * front, and for Docker Hub's own images without `library`.
 */
export function spellingsOf(
  { canonical, upstream, repository }: OrdinaryRoute,
  { byAlias }: UpstreamNames,
): readonly string[] {
  if (upstream === undefined) return [canonical]
  const registries = [...byAlias].filter(([, name]) => name === upstream).map(([alias]) => `${alias}/`)
  return ['', ...registries].flatMap((front) =>
    repositorySpellings(upstream, repository).map((name) => front + name),
  )
}

/** The ways to write a repository of one registry. */
export function repositorySpellings(registry: string, repository: string): readonly string[] {
  const [library, single, ...more] = repository.split('/')
  const short = registry === DOCKER_HUB && library === 'library' && more.length === 0
  return short && single !== undefined ? [repository, single] : [repository]
}

function inNamespace(name: string, namespace: string, names: UpstreamNames): NameRoute {
  // Checked as it came, since lower case makes ASCII of some letters that are not.
  if (!REGISTRY.test(namespace)) {
    throw new Failure('NAME_UNKNOWN', `"${namespace.slice(0, 100)}" is no name of a registry`)
  }
  const parsed = parseRepositoryName(name)
  const registry = namespace.toLowerCase()
  const upstream = names.byAlias.get(registry) ?? registry
  if (parsed.kind !== 'upstream' && upstream === DOCKER_HUB) return parsed
  return below(upstream, name, names)
}

function below(registry: string, name: string, names: UpstreamNames): OrdinaryRoute {
  const repository = registry === DOCKER_HUB && !name.includes('/') ? `library/${name}` : name
  return {
    kind: 'ordinary',
    canonical: `${registry}/${repository}`,
    upstream: names.byAlias.get(registry),
    repository,
  }
}
