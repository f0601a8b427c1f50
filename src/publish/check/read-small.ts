import { Failure } from '../../errors.ts'
import type { SourceFile } from '../source-tree.ts'

/** Bytes of the largest manifest that registries take (distribution-spec, "Pushing Manifests": at least 4 MiB). */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024
/** Bytes of the largest index.json that is published. */
export const MAX_INDEX_BYTES = 16 * 1024 * 1024

/**
 * Read a small file whole.
 *
 * @param name of the file, for messages
 * @throws Failure LAYOUT_INVALID when it is larger than `limit` bytes
 */
export async function readSmall(
  file: SourceFile,
  name: string,
  limit: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const tooLarge = () =>
    new Failure('LAYOUT_INVALID', `${name} is larger than the ${limit} bytes that such a file may have`)
  if (file.size > limit) throw tooLarge()
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of file.open(signal)) {
    size += piece.length
    if (size > limit) throw tooLarge()
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
