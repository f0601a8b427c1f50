import { BlobCache, type BlobCacheOptions } from '../cache/blob-cache.ts'
import { cacheEvents } from './events.ts'
import type { BackendParts } from './repositories.ts'

/** Bytes that one fetch keeps in memory: behind a file only what its readers are likely to want next. */
const WINDOW_WITH_DISK = 2 * 1024 * 1024
const WINDOW_WITHOUT_DISK = 8 * 1024 * 1024
const MOST_FILLS = 64

export type CacheParts = Pick<BackendParts, 'config' | 'located' | 'pool' | 'metrics' | 'logger' | 'store'> &
  Pick<BlobCacheOptions, 'openSums' | 'memorySize'>

/** The cache over a store, which may be none. */
export function buildCache(parts: CacheParts): BlobCache {
  const { config, located, store, pool, metrics, logger, openSums, memorySize } = parts
  const passing = new Set(located.filter(({ setting }) => !setting.cache).map(({ name }) => name))
  return new BlobCache({
    disk: store?.blobs,
    pool,
    openSums,
    memorySize,
    windowBytes: store === undefined ? WINDOW_WITHOUT_DISK : WINDOW_WITH_DISK,
    maxFills: MOST_FILLS,
    lingerMs: config.backgroundTimeout,
    keeps: (source) => !passing.has(source),
    onStored: (file, blob) => store?.recentBlocks.stored(file, blob),
    events: cacheEvents(metrics, logger),
  })
}
