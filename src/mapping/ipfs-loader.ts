import { isFailure } from '../errors.ts'
import type { MappingLoader, MappingLook } from './mapping-loader.ts'
import { decodeMapping, LARGEST_MAPPING, tooLarge } from './mapping-text.ts'

/** How a mapping is found and read on IPFS. */
export interface IpfsMappingAccess {
  /** The immutable path that the mapping is at now; `maxAge` is the time in seconds for which that may be believed. */
  resolve(signal: AbortSignal): Promise<{ path: string; maxAge: number | undefined }>
  /** The bytes of a file. @param options `limit` in bytes @throws Failure CONTENT_TOO_LARGE when there are more */
  read(path: string, options: { limit: number; signal: AbortSignal }): Promise<Uint8Array>
}

const SECOND = 1_000
const SHORTEST = 10 * SECOND
const LONGEST = 3_600 * SECOND
const UNKNOWN = 60 * SECOND

/**
 * A mapping on IPFS. A mutable one is asked for again when its time is over, 10 s to 1 h later, and read when its path
 * has become another.
 *
 * @param where `/ipfs/<cid>/<path>`, which is read once, or `/ipns/<name>/<path>`
 */
export function ipfsLoader(where: string, access: IpfsMappingAccess): MappingLoader {
  let read: string | undefined
  return {
    where,
    required: false,
    retryAfter: SHORTEST,
    load: async (signal): Promise<MappingLook> => {
      const { path, maxAge } = await access.resolve(signal)
      const again = where.startsWith('/ipfs/') ? undefined : timeOf(maxAge)
      if (path === read) return { text: undefined, again }
      const bytes = await readMapping(access, path, signal)
      read = path
      if (bytes === undefined) throw tooLarge(where)
      return { text: decodeMapping(bytes, where), again }
    },
  }
}

/** @returns undefined when it is too large */
async function readMapping(
  access: IpfsMappingAccess,
  path: string,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  try {
    return await access.read(path, { limit: LARGEST_MAPPING, signal })
  } catch (error) {
    if (isFailure(error, 'CONTENT_TOO_LARGE')) return undefined
    throw error
  }
}

/** @param maxAge seconds @returns ms */
function timeOf(maxAge: number | undefined): number {
  return maxAge === undefined ? UNKNOWN : Math.min(Math.max(maxAge * SECOND, SHORTEST), LONGEST)
}
