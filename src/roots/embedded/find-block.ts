import type { CID } from 'multiformats/cid'
import type { LeafPlace } from '../../content/embedded/block-table.ts'
import { mayLink } from '../../content/dag/links.ts'
import type { Digest } from '../../reference/digest.ts'
import { inlineBytes } from '../../verify/block.ts'
import type { KeptContent } from './kept-content.ts'

/** Bytes of the shortest link to a block whose hash is checked here. */
const SHORTEST_LINK = 34

export interface FoundBlock {
  /** The blob that it is a range of; undefined for one that is kept by value. */
  readonly digest: Digest | undefined
  /** Undefined where it can't have links. */
  readonly bytes: Uint8Array | undefined
}

/** A block that the store has, its bytes read only where others may be below it. */
export async function findBlock(
  kept: KeptContent,
  cid: CID,
  signal: AbortSignal,
): Promise<FoundBlock | undefined> {
  const inline = inlineBytes(cid) ?? (await kept.table.inline(cid))
  if (inline !== undefined) return { digest: undefined, bytes: inline }
  for (const place of await kept.table.places(cid)) {
    if (place.kind !== 'leaf' || !kept.blobs.has(place.digest)) continue
    const links = mayLink(cid.code) && hasRoomForLinks(place)
    return { digest: place.digest, bytes: links ? await kept.blocks.get(cid, { signal }) : undefined }
  }
  return undefined
}

/** Of a block with content, links stand beside that. */
function hasRoomForLinks({ wrap }: LeafPlace): boolean {
  return wrap !== undefined && wrap.prefix.length + wrap.suffix.length >= SHORTEST_LINK
}
