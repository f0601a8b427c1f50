import type { CID } from 'multiformats/cid'

/**
 * Where DAGs of others are kept. Each is held under a label, and only what is held under it is ever released: what the
 * user or another label holds stays.
 *
 * Everything throws Failure CONTENT_UNAVAILABLE, STORE_FAILED, and the signal's reason.
 */
export interface Keeper {
  /** CIDs that are held under a label. */
  held(label: string, signal: AbortSignal): Promise<ReadonlySet<string>>
  /** Fetch and hold everything below a CID. When this resolves all of it is here to stay. */
  keep(cid: CID, label: string, signal: AbortSignal): Promise<void>
  release(cid: CID, label: string, signal: AbortSignal): Promise<void>
}
