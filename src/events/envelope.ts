/**
 * The notifications of distribution's registry (`notifications/event.go`, as releases 2.x send them), which receivers
 * of webhooks know. What is ours stands beside, in fields of names that distribution does not have.
 */
export const ENVELOPE_TYPE = 'application/vnd.docker.distribution.events.v1+json'

/** The body of one request. */
export interface Envelope {
  readonly events: readonly EventRecord[]
}

export interface EventRecord {
  /** A UUID; the same when the event is sent again. */
  readonly id: string
  /** RFC 3339. */
  readonly timestamp: string
  /** `root` is ours. */
  readonly action: 'push' | 'mount' | 'delete' | 'root'
  readonly target: EventTarget
  /** The request that caused it; all '' where none did. */
  readonly request: RequestRecord
  readonly actor: { readonly name?: string }
  readonly source: SourceRecord
}

/** What is not known, or has no meaning for the action, is left out. */
export interface EventTarget {
  readonly mediaType?: string
  readonly digest?: string
  /** Bytes; `length` is the same, for receivers from before `size`. */
  readonly size?: number
  readonly length?: number
  readonly repository?: string
  readonly fromRepository?: string
  readonly url?: string
  readonly tag?: string
  /** `/ipfs/<cid>` of the repository's layout after a push, as `X-Ipfs-Path` has it. */
  readonly ipfsPath?: string
  /** Of the action `root`: its name, the number of its new version, and the CID of that. */
  readonly root?: string
  readonly version?: number
  readonly cid?: string
}

export interface RequestRecord {
  readonly id: string
  /** IP address of the client. */
  readonly addr?: string
  /** As the client called this gateway. */
  readonly host?: string
  readonly method: string
  readonly useragent: string
}

/** Which gateway sends it. */
export interface SourceRecord {
  /** `host:port` */
  readonly addr: string
  /** Another one after each start. */
  readonly instanceID: string
}
