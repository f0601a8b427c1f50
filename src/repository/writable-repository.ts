import type { AddedFile } from '../publish/target.ts'
import type { Digest } from '../reference/digest.ts'
import type { UploadPart, UploadStatus } from '../roots/root-store.ts'
import type { Repository } from './repository.ts'

/** A manifest as a client sends it. */
export interface ManifestToPut {
  readonly bytes: Uint8Array
  /** Of the request, without parameters; '' where it has none. */
  readonly mediaType: string
  /** What the request names it by: held to its bytes. Undefined where it gives a tag only. */
  readonly digest: Digest | undefined
  /** Tags that lead to it from now on. */
  readonly tags: readonly string[]
}

export interface PutManifest {
  readonly digest: Digest
  readonly mediaType: string
  /** Digest of the manifest that it refers to; undefined where it refers to none. */
  readonly subject: Digest | undefined
  /** `/ipfs/<cid>` of the repository's layout as it is now; undefined where that is not to be told. */
  readonly contentPath: string | undefined
}

/**
 * A repository that images can be pushed to. Besides what a {@link Repository} throws: Failure UPLOAD_UNKNOWN,
 * UPLOAD_INVALID, RANGE_INVALID, DIGEST_INVALID, MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN, MANIFEST_TOO_LARGE,
 * TAG_IMMUTABLE, ROOT_UNREADABLE. What resolves is durable.
 */
export interface WritableRepository extends Repository {
  beginUpload(signal: AbortSignal): Promise<UploadStatus>
  uploadStatus(id: string, signal: AbortSignal): Promise<UploadStatus>
  appendUpload(id: string, part: UploadPart, signal: AbortSignal): Promise<UploadStatus>
  /** @returns bytes of the blob */
  finishUpload(id: string, digest: Digest, part: UploadPart | undefined, signal: AbortSignal): Promise<number>
  cancelUpload(id: string, signal: AbortSignal): Promise<void>
  /** The blob as this repository has it stored, in its layout or staged; undefined where it has none. */
  storedBlob(digest: Digest, signal: AbortSignal): Promise<AddedFile | undefined>
  /** Take a blob that another repository has. @returns bytes of the blob; undefined where that one does not have it */
  mountBlob(digest: Digest, from: WritableRepository, signal: AbortSignal): Promise<number | undefined>
  putManifest(manifest: ManifestToPut, signal: AbortSignal): Promise<PutManifest>
  /** The tag only; the manifest stays. @throws Failure MANIFEST_UNKNOWN */
  deleteTag(tag: string, signal: AbortSignal): Promise<void>
  /** With all its tags. @returns them @throws Failure MANIFEST_UNKNOWN */
  deleteManifest(digest: Digest, signal: AbortSignal): Promise<readonly string[]>
  /** @throws Failure BLOB_UNKNOWN */
  deleteBlob(digest: Digest, signal: AbortSignal): Promise<void>
}
