import { endBody } from '../content/closable-body.ts'
import type { ByteRange, OpenedFile } from '../content/source.ts'
import type { Digest } from '../reference/digest.ts'
import type { Fetch } from './fill-options.ts'

/**
 * Open a blob, or a part of it. A source that tells another size than the descriptor is passed over once: whoever is asked next
 * may be well, and no byte is needed to see that.
 */
export async function openAsExpected(
  blob: { readonly digest: Digest; readonly expectedSize: number | undefined; readonly fetch: Fetch },
  range: ByteRange | undefined,
  signal: AbortSignal,
): Promise<OpenedFile> {
  const { digest, expectedSize, fetch } = blob
  const file = await fetch(range, signal)
  if (expectedSize === undefined || file.size === expectedSize) return file
  file.discredit(`it has ${file.size} bytes for ${digest} instead of ${expectedSize}`)
  await endBody(file.body)
  return fetch(range, signal)
}
