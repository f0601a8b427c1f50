import { formatContentPath } from '../content/source.ts'
import type { LayoutIndex } from '../layout/image-index.ts'
import type { ManifestReader } from '../layout/manifest-reader.ts'
import type { Digest } from '../reference/digest.ts'
import type { IpfsRepository } from '../repository/ipfs/repository.ts'
import type { BlobAnswer, BlobPurpose } from '../repository/repository.ts'

/** A layout to be exported, wherever its content is. */
export interface LayoutSource {
  /** `/ipfs/<cid>/<path…>` */
  readonly path: string
  readonly index: LayoutIndex
  /** What of the path lies below the layout. */
  readonly hint: string
  readonly reader: ManifestReader
  /** @throws Failure MANIFEST_UNKNOWN when the layout does not hold it, or it is no manifest */
  manifest(digest: Digest, signal: AbortSignal): Promise<{ mediaType: string; bytes: Uint8Array }>
  /** @throws Failure BLOB_UNKNOWN when the layout does not hold it */
  blob(digest: Digest, purpose: BlobPurpose, signal: AbortSignal): Promise<BlobAnswer>
}

/** The layout of a repository. @throws Failure NAME_UNKNOWN when there is none; CONTENT_* */
export async function openLayout(repository: IpfsRepository, signal: AbortSignal): Promise<LayoutSource> {
  const layout = await repository.layout(signal)
  return {
    path: formatContentPath(layout.base),
    index: layout.index,
    hint: layout.hint,
    reader: repository.reader(layout),
    manifest: (digest, own) => repository.manifestByDigest(digest, own),
    blob: (digest, purpose, own) => repository.blob(digest, purpose, own),
  }
}
