import type { BlobCache } from '../../cache/blob-cache.ts'
import type { ContentSource } from '../../content/source.ts'
import type { AddedFile } from '../../publish/target.ts'
import type { Digest } from '../../reference/digest.ts'
import type { BlobAnswer, BlobBody } from '../repository.ts'

/** Fetches of blobs of our own are shared among those who read them. */
const HOLDER = 'roots'

/** A blob that a repository has taken and that is part of no layout yet. */
export function stagedBlob(
  digest: Digest,
  { cid, size }: AddedFile,
  { content, cache }: { content: ContentSource; cache: BlobCache },
): BlobAnswer {
  const path = { root: cid, segments: [] }
  return {
    size,
    source: content.name,
    cached: false,
    contentPath: undefined,
    roots: [],
    warning: undefined,
    open: (range, signal): Promise<BlobBody> =>
      cache.open(digest, {
        range,
        expectedSize: size,
        signal,
        holder: HOLDER,
        fetch: (part, own) =>
          content.open(path, { signal: own, ...(part === undefined ? {} : { range: part }) }),
      }),
  }
}
