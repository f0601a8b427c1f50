import { endBody } from '../../content/closable-body.ts'
import { formatContentPath } from '../../content/source.ts'
import type { ContentPath, ContentSource, Proof } from '../../content/source.ts'
import { Failure } from '../../errors.ts'

/**
 * A small file, whole.
 *
 * @param options `limit` in bytes
 * @throws Failure CONTENT_TOO_LARGE beyond the limit; what the source throws
 */
export async function readSmall(
  content: ContentSource,
  path: ContentPath,
  options: { limit: number; signal: AbortSignal },
): Promise<{ bytes: Uint8Array; proof: Proof; source: string }> {
  const { limit, signal } = options
  const file = await content.open(path, { signal })
  if (file.size > limit) {
    await endBody(file.body)
    throw new Failure(
      'CONTENT_TOO_LARGE',
      `${formatContentPath(path)} has ${file.size} bytes; ${limit} are read at most`,
    )
  }
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of file.body) {
    length += piece.length
    if (length > file.size) break
    pieces.push(new Uint8Array(piece))
  }
  if (length !== file.size) {
    throw new Failure(
      'CONTENT_UNAVAILABLE',
      `${formatContentPath(path)} came with ${length} of ${file.size} bytes`,
    )
  }
  return { bytes: Buffer.concat(pieces), proof: file.proof, source: file.source }
}
