import { below, formatContentPath, type ContentPath } from '../content/source.ts'
import { fileLoader } from '../mapping/file-loader.ts'
import { ipfsLoader, type IpfsMappingAccess } from '../mapping/ipfs-loader.ts'
import { LiveMapping } from '../mapping/live-mapping.ts'
import { parseTarget } from '../naming/target.ts'
import { parseNamePattern } from '../reference/name-pattern.ts'
import type { OrdinaryNames } from '../repository/repositories.ts'
import { readSmall } from '../repository/ipfs/read-small.ts'
import type { RegistryHost } from '../upstream/host.ts'
import { buildAccess, type AccessParts, type BuiltAccess } from './ipfs-access.ts'
import { buildUpstreams, upstreamNames, type Identity } from './upstreams.ts'

export interface BuiltOrdinaryNames extends OrdinaryNames {
  /** Of all upstreams. */
  readonly hosts: readonly RegistryHost[]
  close(): Promise<void>
}

/**
 * Everything about names that are no paths on IPFS.
 *
 * @param access to all sources
 * @throws Failure SETTINGS_INVALID for a mapping of names that is missing or broken
 */
export async function buildOrdinaryNames(
  parts: AccessParts,
  access: BuiltAccess,
  identity: Identity,
  signal: AbortSignal,
): Promise<BuiltOrdinaryNames> {
  const { config } = parts
  const mapping = await startMapping(parts, access, signal)
  const upstreams = buildUpstreams(parts, identity)
  const restricted = new Map<string, BuiltAccess>()
  const local = config.local.map(parseNamePattern)
  return {
    names: upstreamNames(config),
    upstreams: upstreams.byName,
    hosts: upstreams.hosts,
    mapped: (canonical) => mapping?.current().find(canonical),
    mappingVersion: () => mapping?.version ?? 0,
    isLocal: (name) => local.some((pattern) => pattern.match(name) !== undefined),
    mapWait: config.mapWait,
    accessTo: (sources) => {
      const key = [...sources].sort().join(' ')
      const built = restricted.get(key) ?? buildAccess(parts, sources)
      restricted.set(key, built)
      return built
    },
    async close() {
      await mapping?.stop()
      await upstreams.close()
      await Promise.all([...restricted.values()].map(({ remembering }) => remembering.close()))
    },
  }
}

async function startMapping(
  parts: AccessParts,
  access: BuiltAccess,
  signal: AbortSignal,
): Promise<LiveMapping | undefined> {
  const { config, located, logger, store } = parts
  const { map } = config
  if (map === undefined) return undefined
  const kinds = located.flatMap(({ kind, name }) => [kind, name])
  const mapping = new LiveMapping({
    loader: map.kind === 'file' ? fileLoader(map.path) : ipfsLoader(map.path, accessTo(map.path, access)),
    sources: [...new Set([...kinds, 'dns'])],
    record: map.kind === 'file' ? undefined : store?.mappingAt(map.path),
    log: (level, message) => logger[level](message),
  })
  await mapping.start(signal)
  return mapping
}

/** @param where `/ipfs/<cid>/<path>` or `/ipns/<name>/<path>` */
function accessTo(where: string, { content, resolver }: BuiltAccess): IpfsMappingAccess {
  const target = parseTarget(where)
  const find = async (signal: AbortSignal): Promise<{ at: ContentPath; maxAge: number | undefined }> => {
    if (target.kind === 'ipfs') return { at: target.path, maxAge: undefined }
    const { path, maxAge } = await resolver.resolve(target.name, { signal })
    return { at: below(path, ...target.segments), maxAge }
  }
  // What is read is what was resolved last: the loader does one after the other.
  let at: ContentPath | undefined
  return {
    async resolve(signal) {
      const found = await find(signal)
      at = found.at
      return { path: formatContentPath(at), maxAge: found.maxAge }
    },
    async read(_path, options) {
      at ??= (await find(options.signal)).at
      return (await readSmall(content, at, options)).bytes
    },
  }
}
