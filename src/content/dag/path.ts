import type { CID } from 'multiformats/cid'
import { Failure } from '../../errors.ts'
import { type ContentPath, formatContentPath } from '../source.ts'
import type { BlockReader } from '../unixfs/blocks.ts'
import { directoryEntry } from '../unixfs/path.ts'
import { decodeDocument, followDocument, isDocument } from './document.ts'

export interface ResolvedDagPath {
  /** The block that the path leads to, or into; it need not have been read. */
  readonly cid: CID
  /** The root and what each segment that is a link leads to; `cid` last. */
  readonly cids: readonly CID[]
  /** Blocks that were read on the way, in that order: what a client needs to follow it as well. */
  readonly read: readonly CID[]
}

/**
 * Follow a path through UnixFS directories, sharded or not, and through documents (dag-cbor, dag-json).
 *
 * @throws Failure CONTENT_NOT_FOUND when a block on the way proves that nothing is there; what the reader throws
 */
export async function resolveDagPath(
  blocks: BlockReader,
  path: ContentPath,
  options: { signal: AbortSignal },
): Promise<ResolvedDagPath> {
  const cids = [path.root]
  const read: CID[] = []
  const noting: BlockReader = {
    get: (cid, { signal }) => {
      read.push(cid)
      return blocks.get(cid, { signal })
    },
  }
  let cid = path.root
  for (let rest = path.segments; rest.length > 0;) {
    const [segment = '', ...others] = rest
    const found = isDocument(cid)
      ? followDocument(decodeDocument(cid, await noting.get(cid, options)), rest)
      : { link: await directoryEntry(noting, cid, segment, options), rest: others }
    const ends = found !== undefined && found.link === undefined && isDocument(cid)
    // A path may end within a document; the document then is what it leads to.
    if (ends) return { cid, cids, read: read.slice(0, -1) }
    if (found?.link === undefined) {
      throw new Failure('CONTENT_NOT_FOUND', `${cid.toString()} has no entry "${segment}"`, {
        detail: { path: formatContentPath(path) },
      })
    }
    cid = found.link
    cids.push(cid)
    rest = found.rest
  }
  return { cid, cids, read }
}
