/**
 * What an operator wants to know of a gateway at a glance: the JSON of `/status.json`, of which the page at `/` is a
 * rendering. Units are in the names. Times are ISO 8601, in UTC. `null` is what is not known, or not there.
 */
export interface GatewayStatus {
  readonly version: string
  /** Whether load balancers are to send requests here, as `/readyz` says. */
  readonly ready: boolean
  /** Why not. */
  readonly reasons: readonly string[]
  readonly time: string
  readonly started: string
  readonly uptime_seconds: number
  readonly requests: RequestsStatus
  /** Content sources, in the order in which they are asked. */
  readonly sources: readonly SourceStatus[]
  /** Hosts of upstream registries, in the order of the settings. */
  readonly upstreams: readonly UpstreamStatus[]
  readonly cache: CacheStatus
  /** Roots that are pushed to; `null` where nothing is pushed. */
  readonly roots: readonly RootStatus[] | null
  /** Roots of others that are kept here. */
  readonly followed_roots: readonly FollowedRootStatus[]
  /** Receivers of events, in the order of the settings. */
  readonly webhooks: readonly WebhookStatus[]
  /** The last ones, newest first. */
  readonly errors: ErrorsStatus
}

export interface RequestsStatus {
  readonly in_flight: number
  /** More are refused. */
  readonly in_flight_limit: number
  /** Since the start. */
  readonly answered_total: number
  /** Of them, those of 500 and above. */
  readonly failed_total: number
}

/** How somebody who is asked has answered. */
export interface AskedStatus {
  readonly name: string
  /** Bytes of content since the start. */
  readonly received_bytes: number
  /** Since the start, without those that were given up. */
  readonly requests_total: number
  /** Of the last hundred; that something is not there is no failure. */
  readonly recent_requests: number
  readonly recent_failures: number
  /** Median of the last hundred answers. */
  readonly first_byte_median_ms: number | null
  readonly digest_mismatches_total: number
  readonly last_failure: {
    readonly time: string
    /** As in the metrics: `unavailable`, `timeout`, `limited`. */
    readonly outcome: string
    readonly message: string
  } | null
}

export interface SourceStatus extends AskedStatus {
  /** As of the last look, a few seconds ago; `null` before the first. */
  readonly healthy: boolean | null
}

export interface UpstreamStatus extends AskedStatus {
  /** Until when it is not asked, since it wants fewer requests. */
  readonly limited_until: string | null
}

export interface CacheStatus {
  readonly memory: { readonly size_bytes: number; readonly limit_bytes: number }
  /** Blobs in the store that may be evicted; `null` without a disk. */
  readonly disk: { readonly size_bytes: number; readonly limit_bytes: number; readonly blobs: number } | null
  /** Blobs being fetched, each for any number of clients. */
  readonly fills_in_flight: number
  /** Since the start, as all that follow. */
  readonly memory_hits_total: number
  readonly disk_hits_total: number
  readonly misses_total: number
  readonly memory_evictions_total: number
  readonly disk_evictions_total: number
  readonly write_failures_total: number
  readonly read_failures_total: number
}

export interface RootStatus {
  readonly name: string
  /** Of what not everybody may pull: neither a CID nor an IPNS name of it is told. */
  readonly private: boolean
  /** The newest version; `null` before the first push, and where it could not be read in time. */
  readonly version: number | null
  /** CID of its folder. */
  readonly cid: string | null
  /** When it was committed; `null` where that is not known, as in a Kubo. */
  readonly changed: string | null
  readonly age_seconds: number | null
  /** Why the version is not known. */
  readonly error: string | null
  /** `null` where the root is not published. */
  readonly publishing: RootPublishingStatus | null
}

export interface RootPublishingStatus {
  /** `/ipns/<key>`; `null` while there is no key. */
  readonly ipns_name: string | null
  /** `/ipfs/<cid>`: what the name leads to, as last seen. */
  readonly published: string | null
  /** When the name was last seen to lead to the newest version. */
  readonly seen: string | null
  /** Since when it has not led to the newest version; `null` while it does. */
  readonly behind_since: string | null
  readonly behind_seconds: number
  /** What went wrong the last time. */
  readonly error: string | null
}

export interface FollowedRootStatus {
  /** As in the settings. */
  readonly root: string
  /** The version that is kept; `null` before the first one is whole. */
  readonly kept: string | null
  readonly kept_since: string | null
  readonly age_seconds: number | null
  readonly repositories: number | null
  /** What is being fetched. */
  readonly fetching: string | null
  /** Why the last try failed. */
  readonly error: string | null
}

export interface WebhookStatus {
  readonly name: string
  /** Events that wait to be taken. */
  readonly waiting_events: number
  /** Since the start, as all that follow. */
  readonly delivered_total: number
  /** Events that it will never get. */
  readonly lost_total: number
  /** Requests that failed and were made again. */
  readonly failed_requests_total: number
}

export interface ErrorsStatus {
  /** Warnings and errors of the log. */
  readonly lines: readonly { readonly time: string; readonly level: string; readonly message: string }[]
  /** Answers of 500 and above. */
  readonly answers: readonly {
    readonly time: string
    readonly request_id: string
    readonly method: string
    readonly path: string
    readonly status: number
    readonly code: string | null
    readonly message: string | null
  }[]
}
