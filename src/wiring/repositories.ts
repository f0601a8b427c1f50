import { BlobCache } from '../cache/blob-cache.ts'
import type { BufferPool } from '../cache/buffer-pool.ts'
import { SumThread } from '../cache/sum-thread.ts'
import type { Config } from '../config/config.ts'
import type { ContentSource } from '../content/source.ts'
import type { FollowedRoot } from '../follow/followed-root.ts'
import type { RememberingResolver } from '../naming/remembering-resolver.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import { ParsedManifests } from '../repository/parsed-manifests.ts'
import { Policy } from '../repository/policy.ts'
import { Repositories } from '../repository/repositories.ts'
import { cacheEvents } from './events.ts'
import { buildReadOnlyRoots } from './following.ts'
import { buildAccess } from './ipfs-access.ts'
import { buildOrdinaryNames } from './ordinary-names.ts'
import { openRootStore } from './root-stores.ts'
import { buildRoots, type BuiltRoots } from './roots.ts'
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
  readonly close: () => Promise<void>
}

export interface BackendParts {
  readonly config: Config
  readonly located: readonly LocatedSource[]
  readonly store: OpenStore | undefined
  readonly pool: BufferPool
  readonly logger: Logger
  readonly metrics: Metrics
  /** For a gateway that serves ordinary names too: what it is called upstream, and what ends its start. */
  readonly serving?: { readonly identity: Identity; readonly signal: AbortSignal }
}

/** Bytes that one fetch keeps in memory: behind a file only what its readers are likely to want next. */
const WINDOW_WITH_DISK = 2 * 1024 * 1024
const WINDOW_WITHOUT_DISK = 8 * 1024 * 1024
const MOST_FILLS = 64

export async function buildBackend(parts: BackendParts): Promise<Backend> {
  const { config, located, store, pool, metrics, logger } = parts
  const sources = buildSources(config, located, store)
  const passing = new Set(located.filter(({ setting }) => !setting.cache).map(({ name }) => name))
  const sumThread = new SumThread()
  // Before there is work: while a thread starts V8 would let the heap grow (main.ts).
  if (parts.serving !== undefined) await sumThread.start()
  const cache = new BlobCache({
    disk: store?.blobs,
    pool,
    openSums: sumThread.open,
    memorySize: config.memoryCacheSize,
    windowBytes: store === undefined ? WINDOW_WITHOUT_DISK : WINDOW_WITH_DISK,
    maxFills: MOST_FILLS,
    lingerMs: config.backgroundTimeout,
    keeps: (source) => !passing.has(source),
    onStored: (file, blob) => store?.recentBlocks.stored(file, blob),
    events: cacheEvents(metrics, logger),
  })
  const shared = { ...parts, sources, cache, parsed: new ParsedManifests() }
  const { serving } = parts
  const roots =
    serving === undefined || !config.push
      ? undefined
      : buildRoots(shared, openRootStore(config, located, store))
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
    await sumThread.close()
    await ordinary?.close()
    await access.remembering.close()
    await Promise.all(located.map(({ dispatcher }) => dispatcher.destroy()))
  }
  const followed = readOnlyRoots?.followed ?? []
  return { repositories, cache, sources, policy, resolver: access.remembering, roots, followed, close }
}
