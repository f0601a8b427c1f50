import { formatContentPath } from '../content/source.ts'
import { isFailure, type Failure } from '../errors.ts'
import { inspectImages } from '../layout/inspect.ts'
import { parseDigest } from '../reference/digest.ts'
import type { Inspection } from './inspection.ts'
import type { IpfsParts, IpfsRepository } from './ipfs/repository.ts'

/**
 * What is at a path: the images of its layout, or the names of what is there instead.
 *
 * @param asked the path as the user wrote it
 * @throws Failure CONTENT_*
 */
export async function inspect(
  asked: string,
  repository: IpfsRepository,
  parts: IpfsParts,
  signal: AbortSignal,
): Promise<Inspection> {
  try {
    const layout = await repository.layout(signal)
    const found = await inspectImages(layout.index, repository.reader(layout), { signal })
    const images = await Promise.all(
      found.map(async (image) => {
        const held = await parts.blobs.find(layout, parseDigest(image.digest), signal).catch(() => undefined)
        return { ...image, cid: held?.cid }
      }),
    )
    return { path: asked, layout: formatContentPath(layout.base), images }
  } catch (error) {
    if (!isFailure(error, 'NAME_UNKNOWN')) throw error
    return { path: asked, layout: formatContentPath(repository.path), images: [], entries: entriesOf(error) }
  }
}

function entriesOf(failure: Failure): string[] {
  const { available } = (failure.detail ?? {}) as { available?: unknown }
  return Array.isArray(available) ? available.map(String) : []
}
