import type { BlockReader } from '../../content/unixfs/blocks.ts'
import { decodeNode, RAW } from '../../content/unixfs/node.ts'
import { Failure } from '../../errors.ts'
import type { AddedFile } from '../../publish/target.ts'
import type { FolderEntry } from './folder.ts'

/** A file that a folder has, with its size. Reads its topmost block, unless that is a leaf. */
export async function sizedFile(
  { name, cid, dagSize }: FolderEntry,
  blocks: BlockReader,
  signal: AbortSignal,
): Promise<AddedFile> {
  if (cid.code === RAW) return { cid, size: dagSize, dagSize }
  const node = decodeNode(cid, await blocks.get(cid, { signal }))
  if (node.kind === 'file') return { cid, size: node.size, dagSize }
  throw new Failure('CONTENT_INVALID', `${name} is no file, though it is in a folder of ours`)
}
