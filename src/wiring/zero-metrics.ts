import type { Config } from '../config/config.ts'
import type { Metrics } from '../observability/metrics.ts'
import { OUTCOMES } from '../observability/outcome.ts'
import type { Backend } from './repositories.ts'

const QUEUES = ['requests', 'source', 'fills', 'names'] as const
const CACHES = ['memory', 'blobs'] as const
const RESULTS = ['delivered', 'refused', 'expired', 'dropped'] as const
const KINDS = ['ipns', 'dnslink'] as const

/**
 * Begin counters at 0 whose labels are known. Prometheus sees a counter grow only from a value that it has read, so that
 * the first wrong bytes of a source would raise no alert where their counter begins at 1.
 */
export function beginAtZero(
  metrics: Metrics,
  backend: Pick<Backend, 'sources' | 'upstreamHosts'>,
  webhooks: Config['webhooks'],
): void {
  const { sources, upstreamHosts } = backend
  for (const { name: source } of [...sources, ...upstreamHosts]) {
    for (const outcome of OUTCOMES) metrics.sourceRequests.add({ source, outcome }, 0)
    metrics.sourceBytes.add({ source }, 0)
    metrics.digestMismatches.add({ source }, 0)
  }
  // A fall-back's name has its host behind a slash: it is not an upstream of its own.
  for (const { name: upstream } of upstreamHosts) {
    if (!upstream.includes('/')) metrics.staleUpstreams.add({ upstream }, 0)
  }
  for (const { name: webhook } of webhooks) {
    for (const result of RESULTS) metrics.webhookEvents.add({ webhook, result }, 0)
    metrics.webhookFailures.add({ webhook }, 0)
    metrics.webhookWaiting.add({ webhook }, 0)
  }
  for (const queue of QUEUES) metrics.overloaded.add({ queue }, 0)
  for (const cache of CACHES) {
    metrics.cacheHits.add({ cache }, 0)
    metrics.cacheEvictions.add({ cache }, 0)
  }
  metrics.cacheMisses.add({ cache: 'blobs' }, 0)
  for (const kind of KINDS) metrics.staleNames.add({ kind }, 0)
}
