/** How mutable names are remembered and refreshed. All times in ms. */
export interface NamingSettings {
  /** No answer is held for shorter than this, whatever its TTL; but none beyond the validity of its record. */
  readonly ttlFloor: number
  /** No answer is held for longer than this, whatever its TTL. */
  readonly ttlCeiling: number
  /** For answers that have no TTL, such as Kubo's. */
  readonly ttlDefault: number
  /** How long after its TTL the last known root is still served when refreshing fails. */
  readonly staleFor: number
  /** How long a failed look-up is remembered before the next one is tried. */
  readonly failureFor: number
  /** At most one forced look-up of a name in this time. */
  readonly forcedEvery: number
  /** How long a request waits for a refresh when there is a last known root to serve instead. */
  readonly patience: number
  /** How long a request waits when there is none. Below the 25 s after which clients give up. */
  readonly answerWithin: number
  /** How long a look-up goes on, whether or not anyone still waits for it. */
  readonly lookupLimit: number
  /** When a look-up has not answered after this, the next one in the order starts beside it. */
  readonly hedgeAfter: number
  /** How long an IPNS record waits for one with a higher sequence from look-ups already started. */
  readonly settleFor: number
  /** Look-ups of names that run at the same time. */
  readonly concurrency: number
  /** Look-ups that may wait for their turn; more are refused with OVERLOADED. */
  readonly queue: number
  /** Names remembered; the least recently used are forgotten first. */
  readonly names: number
  /** Earlier roots kept of each name. */
  readonly previousRoots: number
  /** IPNS and DNSLink steps from a name to its immutable path. */
  readonly steps: number
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

export const NAMING_DEFAULTS: NamingSettings = {
  ttlFloor: MINUTE,
  ttlCeiling: HOUR,
  ttlDefault: 5 * MINUTE,
  staleFor: 24 * HOUR,
  failureFor: 5 * SECOND,
  forcedEvery: 5 * SECOND,
  patience: 1500,
  answerWithin: 15 * SECOND,
  lookupLimit: MINUTE,
  hedgeAfter: SECOND,
  settleFor: 200,
  concurrency: 16,
  queue: 256,
  names: 1000,
  previousRoots: 4,
  steps: 8,
}
