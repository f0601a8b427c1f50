import type { CID } from 'multiformats/cid'
import { Failure } from '../../errors.ts'
import type { Block } from '../../publish/target.ts'
import type { Node } from './node.ts'

/** How often blocks are put that a garbage collection takes away again. */
const ATTEMPTS = 10

/**
 * Store new blocks, the topmost with an entry of MFS. When this resolves no garbage collection takes them, as long as
 * the entry is there; of the blocks below them those that were held before.
 *
 * @param entry see {@link MfsChange.link}
 */
export async function hold(
  { writer }: Pick<Node, 'writer'>,
  cid: CID,
  blocks: readonly Block[],
  entry: { readonly path: string; readonly parents?: boolean },
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { collected } = await writer.change(signal, async (change) => {
      await change.putBlocks(blocks)
      await change.link(cid, entry.path, entry)
    })
    if (!collected) return
  }
  throw new Failure('CONTENT_UNAVAILABLE', 'Kubo is busy collecting garbage, again and again; try it later')
}
