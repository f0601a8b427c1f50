import type { CID } from 'multiformats/cid'
import { linksOf, mayLink, namedLinksOf, type NamedLink } from '../../content/dag/links.ts'
import { keyOf } from '../../content/embedded/block-table.ts'
import { DAG_PB } from '../../content/unixfs/node.ts'
import { Failure } from '../../errors.ts'
import type { Digest } from '../../reference/digest.ts'
import type { NextVersion } from '../root-store.ts'
import { findBlock } from './find-block.ts'
import type { KeptContent } from './kept-content.ts'

interface Step {
  readonly cid: CID
  /** What was in its place in the version before. */
  readonly before: CID | undefined
}

/**
 * The blobs that a new version needs and the one before it may not have.
 *
 * Only what differs is looked at: both trees are walked side by side, and what the one before links to is held with all
 * that is below it, since it was itself looked at when it was committed, and is kept. Anything else is a new block, a
 * file of the store, or a block by value, below which is looked further.
 *
 * @param base the root of the version before, which is kept
 * @throws Failure CONTENT_NOT_FOUND when something is neither new nor stored
 */
export async function neededFiles(
  kept: KeptContent,
  base: CID | undefined,
  next: NextVersion,
  signal: AbortSignal,
): Promise<Set<Digest>> {
  const needed = new Set<Digest>()
  const blocks = new Map(next.blocks.map(({ cid, bytes }) => [keyOf(cid), bytes]))
  /** CIDs of the version before, as far as it was looked at, and those that were looked at. */
  const done = new Set(base === undefined ? [] : [nameOf(base)])
  const waiting: Step[] = [{ cid: next.cid, before: base }]
  for (let step = waiting.pop(); step !== undefined; step = waiting.pop()) {
    signal.throwIfAborted()
    const { cid, before } = step
    const known = nameOf(cid)
    if (done.has(known)) continue
    done.add(known)
    let bytes = blocks.get(keyOf(cid))
    if (bytes === undefined) {
      const file = await kept.table.file(cid)
      if (file !== undefined && kept.blobs.has(file.digest)) {
        needed.add(file.digest)
        continue
      }
      const block = await findBlock(kept, cid, signal)
      if (block === undefined) {
        throw new Failure(
          'CONTENT_NOT_FOUND',
          `${cid.toString()}, which the new version needs, is not stored`,
        )
      }
      if (block.digest !== undefined) needed.add(block.digest)
      bytes = block.bytes
    }
    if (bytes === undefined || !mayLink(cid.code)) continue
    const linksBefore = new Map<string, CID>()
    for (const { name, cid: link } of await linksInPlace(kept, before)) {
      done.add(nameOf(link))
      linksBefore.set(name, link)
    }
    for (const { name, cid: link } of namedLinks(cid, bytes)) {
      if (!done.has(nameOf(link))) waiting.push({ cid: link, before: linksBefore.get(name) })
    }
  }
  return needed
}

/** Links of a block of the version before, where there was one that has links by name. */
async function linksInPlace(kept: KeptContent, cid: CID | undefined): Promise<NamedLink[]> {
  if (cid?.code !== DAG_PB) return []
  const bytes = await kept.table.inline(cid)
  return bytes === undefined ? [] : namedLinks(cid, bytes)
}

function namedLinks(cid: CID, bytes: Uint8Array): NamedLink[] {
  if (cid.code === DAG_PB) return namedLinksOf(cid, bytes)
  return linksOf(cid, bytes).map((link) => ({ name: '', cid: link }))
}

/**
 * What a CID is known by here. The text of a CID is kept with it by a weak map, which for a folder of a thousand entries
 * costs the collector of memory more than all else that a commit does.
 */
function nameOf({ bytes }: CID): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
