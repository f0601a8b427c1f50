import type { CID } from 'multiformats/cid'
import type { BlockReader } from '../../content/unixfs/blocks.ts'
import { LEAF_SIZE } from '../../content/unixfs/file-dag.ts'
import { FileTree } from '../../content/unixfs/file-tree.ts'
import type { FileDag } from '../../content/unixfs/file-tree.ts'
import { RAW, decodeNode } from '../../content/unixfs/node.ts'
import { Failure } from '../../errors.ts'

export interface FilePart {
  readonly cid: CID
  /** Bytes. */
  readonly size: number
}

/** Whether the leaves of the parts are those of the whole: all but the last are whole numbers of leaves. */
export function canJoin(parts: readonly FilePart[]): boolean {
  return parts.slice(0, -1).every(({ size }) => size % LEAF_SIZE === 0)
}

/** The DAG of the file that the parts are, one after the other. No leaf is read, only the nodes above them. */
export async function joinedFile(
  parts: readonly FilePart[],
  blocks: BlockReader,
  signal: AbortSignal,
): Promise<FileDag> {
  const tree = new FileTree()
  const add = async ({ cid, size }: FilePart): Promise<void> => {
    if (cid.code === RAW) return tree.push(cid, size)
    const node = decodeNode(cid, await blocks.get(cid, { signal }))
    if (node.kind !== 'file' || node.size !== size || node.data.length > 0) {
      throw new Failure('CONTENT_INVALID', `${cid.toString()} is not the part of an upload that it should be`)
    }
    for (const child of node.children) await add(child)
  }
  for (const part of parts) await add(part)
  return tree.finish()
}
