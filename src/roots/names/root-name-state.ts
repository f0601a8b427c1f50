import type { PublishedRecord } from './name-publisher.ts'

/** What is known of the name of a root. Times in ms since the epoch. */
export interface RootNameState {
  readonly root: string
  /** What its key is called where keys are kept. */
  readonly keyName: string
  /** The IPNS name, base36; undefined while there is no key, or it is not known. */
  readonly key: string | undefined
  /** `/ipfs/<cid>`: what the name leads to, as last seen. */
  readonly published: string | undefined
  readonly sequence: bigint | undefined
  /** When the name was last seen to lead to the newest version. */
  readonly at: number | undefined
  /** When it is looked at again; undefined while it is being looked at, and after the end. */
  readonly next: number | undefined
  /** What went wrong the last time. */
  readonly error: string | undefined
  /** Since when it is not known to lead to the newest version; undefined while it does. */
  readonly behindSince: number | undefined
  /** Whether there is something to publish, or may be. */
  readonly pending: boolean
}

/** What happens to names, for logs and metrics. */
export interface RootNameEvents {
  /** @param again the same as the last time, as before the end of its lifetime */
  published?(root: string, key: string, record: PublishedRecord, again: boolean): void
  /** @param tries failures since the last success; @param wait ms until the next try */
  failed?(root: string, error: unknown, tries: number, wait: number): void
}
