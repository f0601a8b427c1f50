import type { CacheEvents } from '../cache/blob-cache.ts'
import type { SourceEvents } from '../content/attempts.ts'
import { EMBEDDED } from '../content/embedded/source.ts'
import { isFailure, messageOf } from '../errors.ts'
import type { LookupEvent } from '../naming/ask-in-order.ts'
import type { NameResolver } from '../naming/resolver.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import { outcomeOf } from '../observability/outcome.ts'
import type { SourceRecords } from '../observability/source-records.ts'
import type { Tracing } from '../observability/tracing.ts'
import type { MutableName } from '../reference/name.ts'

// What the parts tell of themselves, as metrics and lines of the log.

export interface SourceEventParts {
  readonly metrics: Metrics
  readonly logger: Logger
  /** Undefined where nobody looks. */
  readonly sourceRecords?: SourceRecords | undefined
  /** Undefined where nobody traces. */
  readonly tracing?: Tracing | undefined
}

export function sourceEvents({ metrics, logger, sourceRecords, tracing }: SourceEventParts): SourceEvents {
  return {
    ...(tracing === undefined
      ? {}
      : { asking: (source, signal, ask) => tracing.asking(source, signal, ask) }),
    ended: (source, failure) => {
      sourceRecords?.ended(source, isMerelyElsewhere(source, failure) ? undefined : failure)
      metrics.sourceRequests.add({ source, outcome: outcomeOf(failure) })
      if (isFailure(failure, 'OVERLOADED')) metrics.overloaded.add({ queue: 'source' })
    },
    cancelled: (source) => metrics.sourceRequests.add({ source, outcome: 'cancelled' }),
    answered: (source, seconds) => {
      sourceRecords?.answered(source, seconds)
      metrics.sourceFirstByteSeconds.observe({ source }, seconds)
    },
    received: (source, bytes) => metrics.sourceBytes.add({ source }, bytes),
    discredited: (source, reason) => {
      metrics.digestMismatches.add({ source })
      logger.warn('a source sent wrong bytes', { source, reason })
    },
    continued: (from, to, position, reason) =>
      logger.info('a body goes on at another source', { from, to, position, reason }),
  }
}

/** The store is asked first for what it need not have. */
function isMerelyElsewhere(source: string, failure: unknown): boolean {
  return source === EMBEDDED && isFailure(failure, 'CONTENT_UNAVAILABLE')
}

export function cacheEvents(metrics: Metrics, logger: Logger): CacheEvents {
  return {
    hit: (kind) => metrics.cacheHits.add({ cache: kind === 'memory' ? 'memory' : 'blobs' }),
    miss: () => metrics.cacheMisses.add({ cache: 'blobs' }),
    evicted: () => metrics.cacheEvictions.add({ cache: 'memory' }),
    overloaded: () => metrics.overloaded.add({ queue: 'fills' }),
    writeFailed: (error) => {
      metrics.cacheWriteFailures.add()
      logger.warn('a blob could not be written to the store; it is served all the same', {
        error: messageOf(error),
      })
    },
    readFailed: (digest, error) => {
      metrics.cacheReadFailures.add()
      logger.error('a stored blob is damaged or can not be read', { digest, error: messageOf(error) })
    },
  }
}

export function lookupEvents(metrics: Metrics, logger: Logger): (event: LookupEvent) => void {
  return ({ lookup, name, kind, took, failure }) => {
    const label = labelOf(kind)
    metrics.nameResolutions.add({ kind: label, outcome: outcomeOf(failure) })
    metrics.nameResolutionSeconds.observe({ kind: label }, took / 1000)
    if (failure === undefined) return
    logger.debug('a name was not resolved', { lookup, name, error: messageOf(failure) })
  }
}

/** A resolver whose answers are counted where they are stale, and where there is none because too many wait. */
export function countedNames(resolver: NameResolver, metrics: Metrics): NameResolver {
  return {
    async resolve(name, options) {
      try {
        const resolved = await resolver.resolve(name, options)
        if (resolved.staleSince !== undefined) metrics.staleNames.add({ kind: labelOf(name.kind) })
        return resolved
      } catch (error) {
        if (isFailure(error, 'OVERLOADED')) metrics.overloaded.add({ queue: 'names' })
        throw error
      }
    },
  }
}

function labelOf(kind: MutableName['kind']): 'ipns' | 'dnslink' {
  return kind === 'key' ? 'ipns' : 'dnslink'
}
