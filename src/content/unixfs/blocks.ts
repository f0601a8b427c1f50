import type { CID } from 'multiformats/cid'

/**
 * Blocks by CID. What it returns has been checked against the CID's multihash.
 *
 * @throws Failure CONTENT_UNAVAILABLE when the block can't be had, CONTENT_INVALID when what came is not that block
 */
export interface BlockReader {
  get(cid: CID, options: { signal: AbortSignal }): Promise<Uint8Array>
}
