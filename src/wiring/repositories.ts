import type { BlobCache } from '../cache/blob-cache.ts'
import type { BufferPool } from '../cache/buffer-pool.ts'
import type { BlobThread } from '../cache/blob-thread.ts'
import { openLocalSums, type OpenSums } from '../cache/stream-sums.ts'
import type { Config } from '../config/config.ts'
import type { ContentSource } from '../content/source.ts'
import type { FollowedRoot } from '../follow/followed-root.ts'
import type { RememberingResolver } from '../naming/remembering-resolver.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { SourceRecords } from '../observability/source-records.ts'
import type { Tracing } from '../observability/tracing.ts'
import { ParsedManifests } from '../repository/parsed-manifests.ts'
import { Policy } from '../repository/policy.ts'
import { Repositories } from '../repository/repositories.ts'
import type { RegistryHost } from '../upstream/host.ts'
import { buildCache } from './blob-cache.ts'
import { buildReadOnlyRoots } from './following.ts'
import { buildAccess } from './ipfs-access.ts'
import { buildOrdinaryNames } from './ordinary-names.ts'
import { openRoots } from './root-stores.ts'
import type { OnRootVersion } from './root-repositories.ts'
import type { BuiltRoots } from './roots.ts'
import { buildSources, type LocatedSource } from './sources.ts'
import type { OpenStore } from './store.ts'
import type { Identity } from './upstreams.ts'

/** Everything between the endpoints and the sources. */
export interface Backend {
  readonly repositories: Repositories
  readonly cache: BlobCache
  readonly sources: readonly ContentSource[]
  readonly policy: Policy
  readonly resolver: RememberingResolver
  /** Undefined where nothing is pushed. */
  readonly roots: BuiltRoots | undefined
  /** Roots of others that are kept here. */
  readonly followed: readonly FollowedRoot[]
  /** Of other registries. */
  readonly upstreamHosts: readonly RegistryHost[]
  /** What hashes what comes in. */
  readonly openSums: OpenSums
  readonly close: () => Promise<void>
}

export interface BackendParts {
  readonly config: Config
  readonly located: readonly LocatedSource[]
  readonly store: OpenStore | undefined
  readonly pool: BufferPool
  readonly logger: Logger
  readonly metrics: Metrics
  /** Undefined where nobody looks at them. */
  readonly sourceRecords?: SourceRecords | undefined
  /** Undefined where nobody traces. */
  readonly tracing?: Tracing | undefined
  readonly serving?: ServingParts
}

/** For a gateway that serves ordinary names too. */
export interface ServingParts {
  /** Not started yet. It ends with the backend. */
  readonly blobThread: BlobThread
  /** What it is called upstream. */
  readonly identity: Identity
  /** Ends its start. */
  readonly signal: AbortSignal
  /** Whether not everybody may pull a name, by the rules now in force; undefined where there are none. */
  readonly isPrivate: ((name: string) => boolean) | undefined
  /** Told of each version of a root that is made here. */
  readonly onRootVersion: OnRootVersion
}

export async function buildBackend(parts: BackendParts): Promise<Backend> {
  const { config, located, store } = parts
  const sources = buildSources(config, located, store)
  // Before there is work: while a thread starts V8 would let the heap grow (main.ts).
  await parts.serving?.blobThread.start()
  const openSums = parts.serving?.blobThread.open ?? openLocalSums
  const cache = buildCache({ ...parts, openSums, memorySize: config.memoryCacheSize })
  const shared = { ...parts, sources, cache, parsed: new ParsedManifests() }
  const { serving } = parts
  const roots =
    serving === undefined || !config.push
      ? undefined
      : await openRoots({ ...shared, openSums, onVersion: serving.onRootVersion }, serving.isPrivate)
  const accessParts = { ...shared, own: roots?.names.own }
  const access = buildAccess(accessParts, undefined)
  await access.restored
  if (serving !== undefined) await roots?.names.start(serving.signal)
  const policy = new Policy(config.allow, config.deny)
  const ordinary =
    serving === undefined
      ? undefined
      : await buildOrdinaryNames(accessParts, access, serving.identity, serving.signal)
  const readOnlyRoots = serving === undefined ? undefined : await buildReadOnlyRoots(accessParts, access)
  const repositories = new Repositories({
    ...access,
    policy,
    readOnlyRoots: readOnlyRoots?.places ?? [],
    ...(roots === undefined ? {} : { pushed: roots.pushed }),
    ...(ordinary === undefined ? {} : { ordinary }),
  })
  const close = async (): Promise<void> => {
    cache.close()
    await readOnlyRoots?.close()
    await roots?.close()
    await parts.serving?.blobThread.close()
    await ordinary?.close()
    await access.remembering.close()
    await Promise.all(located.map(({ dispatcher }) => dispatcher.destroy()))
  }
  const followed = readOnlyRoots?.followed ?? []
  return {
    openSums,
    repositories,
    cache,
    sources,
    policy,
    resolver: access.remembering,
    roots,
    followed,
    upstreamHosts: ordinary?.hosts ?? [],
    close,
  }
}
