/** When names are published. All in ms. */
export interface PublishTiming {
  /** Versions that come within this time are published as one. */
  readonly batch: number
  /** The first wait after a failure; each further one is twice as long. */
  readonly retryMin: number
  readonly retryMax: number
  /**
   * How often a published name is looked at: whether it still leads to the newest version, which another gateway may
   * have made, and is far enough from its end.
   */
  readonly check: number
  /** For one time of looking and publishing. */
  readonly limit: number
}

export const PUBLISH_TIMING: PublishTiming = {
  batch: 1000,
  retryMin: 5_000,
  retryMax: 600_000,
  check: 300_000,
  limit: 300_000,
}
