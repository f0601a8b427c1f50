import { FileDagBuilder } from '../content/unixfs/file-dag.ts'
import type { AddedFile, Block } from '../publish/target.ts'

/** A small file with the blocks that it is made of, children before parents. */
export interface FileBlocks extends AddedFile {
  readonly blocks: readonly Block[]
}

/** The DAG of a file that is in memory, as publishing it would make it. Its leaves are parts of `bytes`. */
export function fileBlocks(bytes: Uint8Array): FileBlocks {
  const leaves: Block[] = []
  const builder = new FileDagBuilder({
    onLeaf: ({ cid, offset, length }) => leaves.push({ cid, bytes: bytes.subarray(offset, offset + length) }),
  })
  builder.write(bytes)
  const { cid, size, dagSize, innerBlocks } = builder.finish()
  return { cid, size, dagSize, blocks: [...leaves, ...innerBlocks] }
}
