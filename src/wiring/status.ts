import type { Config } from '../config/config.ts'
import type { FollowedRootStatus as Followed } from '../follow/followed-root.ts'
import type { Readiness } from '../observability/health.ts'
import type { ExposedMetrics } from '../observability/metrics.ts'
import type { RecentErrors } from '../observability/recent-errors.ts'
import type { SourceRecords } from '../observability/source-records.ts'
import type {
  AskedStatus,
  CacheStatus,
  ErrorsStatus,
  FollowedRootStatus,
  GatewayStatus,
  RequestsStatus,
  WebhookStatus,
} from '../observability/status.ts'
import type { Backend } from './repositories.ts'
import { rootsStatus } from './root-status.ts'
import { isoOf, secondsBetween } from './status-times.ts'
import type { OpenStore } from './store.ts'

export interface StatusParts {
  readonly config: Config
  readonly version: string
  readonly backend: Backend
  readonly store: OpenStore | undefined
  readonly exposed: Pick<ExposedMetrics, 'sums'>
  readonly sourceRecords: SourceRecords
  readonly errors: RecentErrors
  readonly readiness: () => Readiness
}

/** Gathers the status of a gateway; never throws, and takes little more than a second where a Kubo does not answer. */
export type GatherStatus = () => Promise<GatewayStatus>

/** However many ask at once, it is gathered once. */
export function statusOf(parts: StatusParts): GatherStatus {
  const started = Date.now()
  let gathering: Promise<GatewayStatus> | undefined
  return () => {
    gathering ??= gather(parts, started).finally(() => (gathering = undefined))
    return gathering
  }
}

async function gather(parts: StatusParts, started: number): Promise<GatewayStatus> {
  const { backend, version, readiness, errors } = parts
  const { ready, reasons, sources } = readiness()
  const roots = backend.roots === undefined ? null : await rootsStatus(backend.roots)
  const now = Date.now()
  return {
    version,
    ready,
    reasons,
    time: isoOf(now),
    started: isoOf(started),
    uptime_seconds: secondsBetween(started, now),
    requests: requestsStatus(parts),
    sources: backend.sources.map(({ name }) => ({
      ...askedStatus(name, parts),
      healthy: sources[name] ?? null,
    })),
    upstreams: backend.upstreamHosts.map(({ name, limitedUntil }) => ({
      ...askedStatus(name, parts),
      limited_until: isoOf(limitedUntil),
    })),
    cache: cacheStatus(parts),
    roots,
    followed_roots: backend.followed.map(({ status }) => followedStatus(status, now)),
    webhooks: parts.config.webhooks.map(({ name }) => webhookStatus(name, parts)),
    errors: errorsStatus(errors),
  }
}

function requestsStatus({ config, exposed }: StatusParts): RequestsStatus {
  return {
    in_flight: sumOf(exposed, 'requestsInFlight'),
    in_flight_limit: config.maxRequests,
    answered_total: sumOf(exposed, 'requests'),
    failed_total: sumOf(exposed, 'requests', ({ code = '' }) => Number(code) >= 500),
  }
}

function askedStatus(name: string, { exposed, sourceRecords }: StatusParts): AskedStatus {
  const isOwn = ({ source }: Labels): boolean => source === name
  const { recent, firstByte, lastFailure } = sourceRecords.record(name)
  return {
    name,
    received_bytes: sumOf(exposed, 'sourceBytes', isOwn),
    requests_total: sumOf(
      exposed,
      'sourceRequests',
      (labels) => isOwn(labels) && labels['outcome'] !== 'cancelled',
    ),
    recent_requests: recent.questions,
    recent_failures: recent.failures,
    first_byte_median_ms: firstByte === undefined ? null : Math.round(firstByte * 10) / 10,
    digest_mismatches_total: sumOf(exposed, 'digestMismatches', isOwn),
    last_failure: lastFailure === undefined ? null : { ...lastFailure, time: isoOf(lastFailure.time) },
  }
}

function cacheStatus({ config, backend, store, exposed }: StatusParts): CacheStatus {
  const isMemory = ({ cache }: Labels): boolean => cache === 'memory'
  const isDisk = ({ cache }: Labels): boolean => cache === 'blobs'
  return {
    memory: { size_bytes: backend.cache.memoryBytes, limit_bytes: config.memoryCacheSize },
    disk:
      store === undefined
        ? null
        : { size_bytes: store.blobs.cacheBytes, limit_bytes: config.cacheSize, blobs: store.blobs.count },
    fills_in_flight: backend.cache.fillCount,
    memory_hits_total: sumOf(exposed, 'cacheHits', isMemory),
    disk_hits_total: sumOf(exposed, 'cacheHits', isDisk),
    misses_total: sumOf(exposed, 'cacheMisses'),
    memory_evictions_total: sumOf(exposed, 'cacheEvictions', isMemory),
    disk_evictions_total: sumOf(exposed, 'cacheEvictions', isDisk),
    write_failures_total: sumOf(exposed, 'cacheWriteFailures'),
    read_failures_total: sumOf(exposed, 'cacheReadFailures'),
  }
}

function followedStatus({ root, kept, fetching, failure }: Followed, now: number): FollowedRootStatus {
  return {
    root,
    kept: kept?.path ?? null,
    kept_since: isoOf(kept?.at),
    age_seconds: kept === undefined ? null : secondsBetween(kept.at, now),
    repositories: kept?.repositories ?? null,
    fetching: fetching ?? null,
    error: failure ?? null,
  }
}

function webhookStatus(name: string, { exposed }: StatusParts): WebhookStatus {
  const isOwn = ({ webhook }: Labels): boolean => webhook === name
  const taken = ({ result }: Labels): boolean => result === 'delivered'
  return {
    name,
    waiting_events: sumOf(exposed, 'webhookWaiting', isOwn),
    delivered_total: sumOf(exposed, 'webhookEvents', (labels) => isOwn(labels) && taken(labels)),
    lost_total: sumOf(exposed, 'webhookEvents', (labels) => isOwn(labels) && !taken(labels)),
    failed_requests_total: sumOf(exposed, 'webhookFailures', isOwn),
  }
}

function errorsStatus(errors: RecentErrors): ErrorsStatus {
  return {
    lines: errors.lines().map(({ time, ...line }) => ({ time: isoOf(time), ...line })),
    answers: errors.answers().map(({ time, request, method, path, status, code, message }) => ({
      time: isoOf(time),
      request_id: request,
      method,
      path,
      status,
      code: code ?? null,
      message: message ?? null,
    })),
  }
}

type Labels = Readonly<Record<string, string>>

/** Of the series whose labels are wanted, or of all. */
function sumOf(
  exposed: StatusParts['exposed'],
  metric: Parameters<ExposedMetrics['sums']>[0],
  isWanted: (labels: Labels) => boolean = () => true,
): number {
  let sum = 0
  for (const { labels, value } of exposed.sums(metric)) if (isWanted(labels)) sum += value
  return sum
}
