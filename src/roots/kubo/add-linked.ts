import type { AddedFile } from '../../publish/target.ts'
import { addPinned } from './add-pinned.ts'
import type { MfsChange } from './mfs-writer.ts'
import type { Node } from './node.ts'
import { unpin } from './pins.ts'

/** ms to remove a pin in that nobody needs. */
const CLEANING = 60_000

/**
 * Add a file while its bytes come, held against garbage collection from the first byte on: by a pin, then by an entry
 * of MFS.
 *
 * @param name see {@link addPinned}
 * @param link gives the file its entry
 */
export async function addLinked<T>(
  { kubo, writer }: Pick<Node, 'kubo' | 'writer'>,
  name: string,
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  link: (change: MfsChange, file: AddedFile) => Promise<T>,
): Promise<{ readonly file: AddedFile; readonly value: T }> {
  const { file, pinned } = await addPinned(kubo, name, pieces, signal)
  try {
    const { value } = await writer.change(signal, (change) => link(change, file), pinned)
    return { file, value }
  } catch (error) {
    await unpin(kubo, pinned, AbortSignal.timeout(CLEANING)).catch(() => undefined)
    throw error
  }
}
