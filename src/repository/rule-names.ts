import { isFailure } from '../errors.ts'
import { repositorySpellings, routeName, type NameRoute, type UpstreamNames } from './name-route.ts'

/**
 * All names by which a rule of who may do what can mean the repository of a request. A name is judged as it was asked
 * for: `alpine` may be a repository of this gateway's own, so no rule about `docker.io/library/alpine` says anything of
 * it. A repository of an upstream is meant by any name of that upstream; content by any spelling of its root.
 *
 * @param name one that is malformed means nothing but itself
 * @param namespace the registry a mirror is asked for
 */
export function ruleNames(
  name: string,
  namespace: string | undefined,
  names: UpstreamNames,
): readonly string[] {
  const route = routeOrNothing(name, namespace, names)
  switch (route?.kind) {
    case 'ipfs':
      return [name, ['ipfs', route.root.toString(), ...route.segments].join('/')]
    case 'ipns':
      return [name, ['ipns', route.mutable.text, ...route.segments].join('/')]
    case 'ordinary':
      return namespace === undefined && !isBelow(name, names) ? [name] : spellings(route, names)
    case undefined:
      return namespace === undefined ? [name] : []
  }
}

function routeOrNothing(
  name: string,
  namespace: string | undefined,
  names: UpstreamNames,
): NameRoute | undefined {
  try {
    return routeName(name, namespace, names)
  } catch (error) {
    if (isFailure(error)) return undefined
    throw error
  }
}

/** Whether the name begins with that of an upstream. */
function isBelow(name: string, { byAlias }: UpstreamNames): boolean {
  const slash = name.indexOf('/')
  return slash !== -1 && byAlias.has(name.slice(0, slash))
}

/** With each name of its registry in front. */
function spellings(
  { canonical, upstream, repository }: Extract<NameRoute, { kind: 'ordinary' }>,
  { byAlias }: UpstreamNames,
): readonly string[] {
  if (upstream === undefined) return [canonical]
  const aliases = [...byAlias].filter(([, name]) => name === upstream).map(([alias]) => alias)
  return aliases.flatMap((alias) => repositorySpellings(upstream, repository).map((one) => `${alias}/${one}`))
}
