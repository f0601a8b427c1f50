import type { CID } from 'multiformats/cid'
import type { BlockReader } from '../content/unixfs/blocks.ts'
import type { AddedFile, Block } from '../publish/target.ts'
import type { Digest } from '../reference/digest.ts'

/**
 * Where roots are kept and pushes go: the embedded store, or a Kubo that several gateways write to at once.
 *
 * A root is a folder of image layouts, `<root>/<repository>/{oci-layout,index.json,blobs/<algorithm>/<encoded>}`. It only
 * ever changes as a whole: each change is a new version, with a number and the CID of its folder.
 *
 * Everything throws Failure CONTENT_UNAVAILABLE or STORE_FAILED where the store can't be reached, read or written, and
 * the signal's reason.
 */
export interface RootStore {
  /** `embedded` or `kubo`. */
  readonly name: string
  /** What is stored, never looked for in a network. */
  readonly blocks: BlockReader
  readonly uploads: Uploads
  readonly staged: StagedBlobs
  readonly versions: RootVersions
}

/** A repository of a root. */
export interface RepositoryPlace {
  /** `home`, or the name of another root in the settings. */
  readonly root: string
  readonly repository: string
}

export interface UploadStatus {
  /** One path segment: unreserved characters of a URL. */
  readonly id: string
  /** Bytes so far. */
  readonly size: number
}

/** Bytes that a client sends in one request. */
export interface UploadPart {
  /** Offset in the blob that they begin at; undefined where the client does not say. */
  readonly start: number | undefined
  /** How many the client says there are; undefined where it does not. */
  readonly length: number | undefined
  /** Pieces are valid until the next one is asked for. Throws where the client breaks off. */
  readonly bytes: AsyncIterable<Uint8Array>
}

/**
 * Blobs on their way in. They stream into the store and are hashed on the way, in bounded memory. An upload belongs to
 * its repository; it is unknown elsewhere, and after a while without a request.
 */
export interface Uploads {
  begin(place: RepositoryPlace, signal: AbortSignal): Promise<UploadStatus>
  /** @throws Failure UPLOAD_UNKNOWN */
  status(place: RepositoryPlace, id: string, signal: AbortSignal): Promise<UploadStatus>
  /**
   * Take the next bytes. Where they break off, the upload is as long as it was, or as far as they came.
   *
   * @throws Failure UPLOAD_UNKNOWN; RANGE_INVALID when they begin elsewhere than where the last ones ended, with
   *   `detail.size`; UPLOAD_INVALID when another request writes to the same upload, or fewer or more came than said
   */
  append(place: RepositoryPlace, id: string, part: UploadPart, signal: AbortSignal): Promise<UploadStatus>
  /**
   * The end of the blob, with its last bytes or all of them. When this resolves the blob is {@link StagedBlobs staged}
   * and survives a kill -9 of everybody concerned, and the upload is no more.
   *
   * @throws as {@link append}; Failure DIGEST_INVALID when the bytes have another digest: then the upload is no more
   */
  finish(
    place: RepositoryPlace,
    id: string,
    digest: Digest,
    part: UploadPart | undefined,
    signal: AbortSignal,
  ): Promise<AddedFile>
  /** @throws Failure UPLOAD_UNKNOWN */
  cancel(place: RepositoryPlace, id: string, signal: AbortSignal): Promise<void>
}

/** Blobs that a repository has taken and that no manifest of it names yet. They are kept for the time of an upload. */
export interface StagedBlobs {
  find(place: RepositoryPlace, digest: Digest, signal: AbortSignal): Promise<AddedFile | undefined>
  /** Stage a file that the store keeps for another repository. Durable when this resolves. */
  stage(place: RepositoryPlace, digest: Digest, file: AddedFile, signal: AbortSignal): Promise<void>
  /** They are part of a version now, or deleted. What is not staged is passed over. */
  drop(place: RepositoryPlace, digests: readonly Digest[], signal: AbortSignal): Promise<void>
}

export interface RootVersion {
  /** 1 for the first one, and one more each time. */
  readonly number: number
  readonly cid: CID
  /** ms since the epoch when it was committed; undefined where that is not known. */
  readonly at: number | undefined
}

/** What is to be the next version of a root. */
export interface NextVersion {
  readonly cid: CID
  /** Those that the store may not have yet: folders, index.json and manifests. Children before parents. */
  readonly blocks: readonly Block[]
}

/** The versions of roots. The newest one is the root; some before it are kept, so that nobody's view breaks. */
export interface RootVersions {
  /**
   * The newest version, of whichever gateway; undefined when the root is known to have none.
   *
   * @throws Failure ROOT_UNREADABLE when neither can be established: nothing may be written then
   */
  head(root: string, signal: AbortSignal): Promise<RootVersion | undefined>
  /** Versions that are kept, newest first. @throws as {@link head} */
  history(root: string, signal: AbortSignal): Promise<readonly RootVersion[]>
  /**
   * Make a version that follows `base`, if that is still the newest. When this resolves to a version, all that is below
   * it is stored, held against garbage collection, and survives a kill -9 of everybody concerned.
   *
   * @param base undefined where there is none yet
   * @returns undefined when another version came first
   * @throws Failure CONTENT_NOT_FOUND when something below it is not stored
   */
  commit(
    root: string,
    base: RootVersion | undefined,
    next: NextVersion,
    signal: AbortSignal,
  ): Promise<RootVersion | undefined>
}
