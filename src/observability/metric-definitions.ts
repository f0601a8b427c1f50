import { OUTCOMES } from './outcome.ts'

/** How one metric is kept and told. */
export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** Without the prefix `ipfs_registry_`; units last, as Prometheus has it. */
  readonly name: string
  readonly labels: readonly string[]
  readonly help: string
  /** Upper bounds of a histogram, in seconds. */
  readonly buckets?: readonly number[]
}

export const METRIC_PREFIX = 'ipfs_registry_'

/** From a manifest out of memory to a layer over a slow line. */
const REQUEST_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 25, 60, 300, 1200]
const FIRST_BYTE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25]

/**
 * Every metric of this program. docs/METRICS.md is generated from it. Labels have few values: those listed in
 * {@link LABELS}, and the names of the configured sources. None ever holds what a client sent.
 */
export const METRICS = {
  requests: {
    kind: 'counter',
    name: 'http_requests_total',
    labels: ['route', 'method', 'code'],
    help: 'Requests of clients answered.',
  },
  requestSeconds: {
    kind: 'histogram',
    name: 'http_request_duration_seconds',
    labels: ['route'],
    buckets: REQUEST_SECONDS,
    help: 'Time from the head of a request to the end of its answer.',
  },
  requestsInFlight: {
    kind: 'gauge',
    name: 'http_requests_in_flight',
    labels: [],
    help: 'Requests of clients under way.',
  },
  sentBytes: {
    kind: 'counter',
    name: 'http_sent_bytes_total',
    labels: ['from'],
    help: 'Bytes of bodies sent to clients, by where they came from.',
  },
  receivedBytes: {
    kind: 'counter',
    name: 'http_received_bytes_total',
    labels: ['route'],
    help: 'Bytes of bodies received from clients, those of refused requests included.',
  },
  overloaded: {
    kind: 'counter',
    name: 'overloaded_total',
    labels: ['queue'],
    help: 'Times that a queue was full. A client is answered 503 then, unless another source had what it wants.',
  },
  sourceRequests: {
    kind: 'counter',
    name: 'source_requests_total',
    labels: ['source', 'outcome'],
    help: 'Requests to a content source or upstream registry, by how its answer began.',
  },
  sourceFirstByteSeconds: {
    kind: 'histogram',
    name: 'source_first_byte_seconds',
    labels: ['source'],
    buckets: FIRST_BYTE_SECONDS,
    help: 'Time from a request to a content source or upstream registry to its first byte.',
  },
  sourceBytes: {
    kind: 'counter',
    name: 'source_bytes_total',
    labels: ['source'],
    help: 'Bytes of content received from a source or upstream registry.',
  },
  digestMismatches: {
    kind: 'counter',
    name: 'digest_mismatches_total',
    labels: ['source'],
    help: 'Times that a source sent bytes which did not match their digest or CID.',
  },
  sourceHealthy: {
    kind: 'gauge',
    name: 'source_healthy',
    labels: ['source'],
    help: '1 while a source answers, else 0.',
  },
  cacheHits: {
    kind: 'counter',
    name: 'cache_hits_total',
    labels: ['cache'],
    help: 'Look-ups that found what they wanted.',
  },
  cacheMisses: {
    kind: 'counter',
    name: 'cache_misses_total',
    labels: ['cache'],
    help: 'Look-ups that did not.',
  },
  cacheEvictions: {
    kind: 'counter',
    name: 'cache_evictions_total',
    labels: ['cache'],
    help: 'Entries removed to make room.',
  },
  cacheBytes: {
    kind: 'gauge',
    name: 'cache_size_bytes',
    labels: ['cache'],
    help: 'Bytes held by a cache.',
  },
  cacheWriteFailures: {
    kind: 'counter',
    name: 'cache_write_failures_total',
    labels: [],
    help: 'Blobs served without being cached since the disk was full or not writable.',
  },
  cacheReadFailures: {
    kind: 'counter',
    name: 'cache_read_failures_total',
    labels: [],
    help: 'Cached blobs that could not be read or whose bytes had changed on disk; they are fetched anew.',
  },
  fillsInFlight: {
    kind: 'gauge',
    name: 'fills_in_flight',
    labels: [],
    help: 'Blobs being fetched, each for any number of clients.',
  },
  nameResolutions: {
    kind: 'counter',
    name: 'name_resolutions_total',
    labels: ['kind', 'outcome'],
    help: 'Look-ups of mutable names.',
  },
  nameResolutionSeconds: {
    kind: 'histogram',
    name: 'name_resolution_seconds',
    labels: ['kind'],
    buckets: FIRST_BYTE_SECONDS,
    help: 'Time that a look-up of a mutable name took.',
  },
  staleNames: {
    kind: 'counter',
    name: 'stale_names_served_total',
    labels: ['kind'],
    help: 'Answers from the last known root of a name that could not be refreshed.',
  },
  rootPublications: {
    kind: 'counter',
    name: 'root_publications_total',
    labels: ['root', 'outcome'],
    help: 'Times that the IPNS name of a root was published, or could not be.',
  },
  rootNameAge: {
    kind: 'gauge',
    name: 'root_name_age_seconds',
    labels: ['root'],
    help: 'Time since the IPNS name of a root was last seen to lead to its newest version.',
  },
  rootNameBehind: {
    kind: 'gauge',
    name: 'root_name_behind_seconds',
    labels: ['root'],
    help: 'Time for which the IPNS name of a root has not led to its newest version; 0 while it does.',
  },
  webhookEvents: {
    kind: 'counter',
    name: 'webhook_events_total',
    labels: ['webhook', 'result'],
    help: 'Events that a receiver has taken, or never will.',
  },
  webhookFailures: {
    kind: 'counter',
    name: 'webhook_failures_total',
    labels: ['webhook'],
    help: 'Requests to a receiver that failed and are made again.',
  },
  webhookWaiting: {
    kind: 'gauge',
    name: 'webhook_waiting_events',
    labels: ['webhook'],
    help: 'Events that wait to be taken by a receiver.',
  },
  upstreamTokens: {
    kind: 'counter',
    name: 'upstream_tokens_total',
    labels: ['source', 'outcome'],
    help: 'Tokens asked for at the authorization services of upstream registries.',
  },
  staleUpstreams: {
    kind: 'counter',
    name: 'stale_upstream_answers_total',
    labels: ['upstream'],
    help: 'Tags and lists of an upstream registry served as they were before, since it could not be asked.',
  },
} as const satisfies Record<string, MetricDefinition>

/** What each label can be. */
export const LABELS: Readonly<Record<string, string>> = {
  route:
    '`ping`, `manifest`, `blob`, `upload`, `tags`, `referrers`, `catalog`, `raw`, `car`, `ipns-record`, `other`',
  method: '`GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `other`',
  code: 'the HTTP status; `499` when the client left before there was an answer',
  from: '`memory`, `disk`, `source`',
  queue:
    '`requests`: of clients; `source`: requests that wait for one source; `fills`: blobs being fetched; `names`: to be resolved',
  source:
    'the name of a configured source: `embedded`, `kubo`, `gateway:<host>`, `trusted-gateway:<host>`; of an upstream: `docker.io`, for a fall-back with its host behind a slash',
  root: '`home`, and the names of other roots in the settings',
  upstream: 'the name of a configured upstream: `docker.io`',
  outcome:
    OUTCOMES.map((outcome) => `\`${outcome}\``).join(', ') +
    '; `cancelled` when nobody waited any more: the clients had left, or another source was faster',
  cache: '`memory`: small blobs; `blobs`: the store on disk (a miss: neither has it)',
  kind: '`ipns`, `dnslink`',
  webhook: 'the name of a receiver in the settings, else its host',
  result:
    '`delivered`; `refused`: answered 3xx, or 4xx other than 429; `expired`: in vain for `--webhook-retry`; `dropped`: too many waited, or the gateway stopped',
}
