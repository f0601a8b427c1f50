import type { ContentPath } from '../../content/source.ts'
import { Failure, isFailure } from '../../errors.ts'
import type { NameLookup, NameResolver } from '../../naming/resolver.ts'
import type { MutableName } from '../../reference/name.ts'
import type { RootVersion, RootVersions } from '../root-store.ts'
import type { RootKeys } from './root-keys.ts'

/** The roots that are kept here, and which IPNS keys they have. */
export interface OwnRoots {
  readonly keys: Pick<RootKeys, 'rootOf'>
  readonly versions: Pick<RootVersions, 'head' | 'history'>
}

/** Earlier versions of a root that a pull which began before may still ask for. */
const PREVIOUS = 8

/**
 * A resolver for which the keys of our own roots lead to what these are now, whatever the network says. Where a root
 * can't be read nobody else is asked, since what the network has may be older. A root that is known to have no version
 * here is looked up as any other name.
 *
 * @throws Failure ROOT_UNREADABLE or NAME_UNRESOLVED when what the root is now can't be established
 */
export function ownNames(resolver: NameResolver, own: OwnRoots): NameResolver {
  const previousOf = earlierVersions(own.versions)
  return {
    async resolve(name, options) {
      const found = await newest(name, own, options.signal)
      if (found === undefined) return resolver.resolve(name, options)
      const { root, version } = found
      const previous = await readable(name, root, options.signal, () =>
        previousOf(root, version, options.signal),
      )
      return { path: pathOf(version), maxAge: 0, staleSince: undefined, previous }
    },
  }
}

/** The same for the steps on the way of another name, as a DNSLink that leads to a key of ours. */
export function ownLookups(lookups: readonly NameLookup[], own: OwnRoots): NameLookup[] {
  return lookups.map((lookup) => ({
    name: lookup.name,
    ...(lookup.fromMemory === undefined ? {} : { fromMemory: lookup.fromMemory }),
    accepts: (name) => lookup.accepts(name),
    async lookup(name, options) {
      const found = await newest(name, own, options.signal)
      if (found === undefined) return lookup.lookup(name, options)
      return { value: `/ipfs/${found.version.cid.toString()}`, ttl: 0 }
    },
  }))
}

/** Undefined for a name that is not one of a root with a version here. */
async function newest(
  name: MutableName,
  { keys, versions }: OwnRoots,
  signal: AbortSignal,
): Promise<{ root: string; version: RootVersion } | undefined> {
  const root = name.kind === 'key' ? await keys.rootOf(name.text) : undefined
  if (root === undefined) return undefined
  const version = await readable(name, root, signal, () => versions.head(root, signal))
  return version === undefined ? undefined : { root, version }
}

async function readable<T>(
  name: MutableName,
  root: string,
  signal: AbortSignal,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read()
  } catch (error) {
    signal.throwIfAborted()
    if (isFailure(error, 'ROOT_UNREADABLE')) throw error
    const message = `${name.text} is the root ${root} of this gateway, which can't be read now`
    throw new Failure('NAME_UNRESOLVED', message, { cause: error })
  }
}

/** Read once for each version. */
function earlierVersions(versions: OwnRoots['versions']) {
  const known = new Map<string, { readonly number: number; readonly previous: ContentPath[] }>()
  return async (root: string, version: RootVersion, signal: AbortSignal): Promise<ContentPath[]> => {
    const before = known.get(root)
    if (before?.number === version.number) return before.previous
    const history = await versions.history(root, signal)
    const earlier = history.filter(({ number }) => number < version.number).slice(0, PREVIOUS)
    const previous = earlier.filter(({ cid }) => !cid.equals(version.cid)).map(pathOf)
    known.set(root, { number: version.number, previous })
    return previous
  }
}

function pathOf({ cid }: RootVersion): ContentPath {
  return { root: cid, segments: [] }
}
