import type { LRUCache } from 'lru-cache'
import type { BlobCache } from '../../cache/blob-cache.ts'
import { formatContentPath, type ContentSource } from '../../content/source.ts'
import { Failure, isFailure } from '../../errors.ts'
import { IndexDocument } from '../../layout/index-document.ts'
import { parseManifest } from '../../layout/manifest.ts'
import type { AddedFile } from '../../publish/target.ts'
import type { Digest } from '../../reference/digest.ts'
import { RepositoryFolder } from '../../roots/repository-folder.ts'
import type { RepositoryPlace, RootStore, UploadPart, UploadStatus } from '../../roots/root-store.ts'
import type { Edit } from '../../roots/root-tree.ts'
import type { RootWriter, Snapshot } from '../../roots/root-writer.ts'
import { IpfsRepository, type IpfsParts } from '../ipfs/repository.ts'
import type { BlobAnswer, BlobPurpose, ManifestAnswer, ReferrerList, TagList } from '../repository.ts'
import { pageOf, type TagsWanted } from '../tag-pages.ts'
import type { ManifestToPut, PutManifest, WritableRepository } from '../writable-repository.ts'
import { checkManifest, type PushedManifest } from './pushed-manifest.ts'
import { stagedBlob } from './staged-blob.ts'

/** What all repositories of one root share. */
export interface RootParts {
  readonly store: RootStore
  readonly writer: RootWriter
  /** Reads what the store holds, and nothing else. */
  readonly content: ContentSource
  readonly ipfs: IpfsParts
  readonly cache: BlobCache
  /** Whether a tag, once there, stays what it is. */
  readonly isImmutable: (repository: string, tag: string) => boolean
  /** Repositories that had a blob lately: a hint where a client says that it has been pushed, but not where to. */
  readonly holders: LRUCache<Digest, string>
  /** index.json files by CID, parsed. */
  readonly indexes: LRUCache<string, IndexDocument>
}

/** A repository of a root: its layout in the newest version, and the blobs that have come for the next. */
export class RootRepository implements WritableRepository {
  readonly place: RepositoryPlace
  readonly #parts: RootParts

  constructor(repository: string, parts: RootParts) {
    this.place = { root: parts.writer.root, repository }
    this.#parts = parts
  }

  /** Whether the root has it. @throws Failure ROOT_UNREADABLE */
  async exists(signal: AbortSignal): Promise<boolean> {
    const folder = await this.#newest(signal)
    return (await folder?.link(signal)) !== undefined
  }

  async manifestByTag(tag: string, signal: AbortSignal): Promise<ManifestAnswer> {
    const { layout, index } = await this.#layout(signal)
    const descriptor = index.find(tag)
    if (descriptor === undefined) {
      throw new Failure('MANIFEST_UNKNOWN', `${this.place.repository} has no tag "${tag}"`, {
        detail: { available: index.tags.slice(0, 100) },
      })
    }
    return layout.manifestByDigest(descriptor.digest, signal)
  }

  async manifestByDigest(digest: Digest, signal: AbortSignal): Promise<ManifestAnswer> {
    const { layout } = await this.#layout(signal)
    return layout.manifestByDigest(digest, signal)
  }

  async blob(digest: Digest, purpose: BlobPurpose, signal: AbortSignal): Promise<BlobAnswer> {
    const staged = await this.#parts.store.staged.find(this.place, digest, signal)
    if (staged !== undefined) return stagedBlob(digest, staged, this.#parts)
    const { layout } = await this.#layout(signal)
    return layout.blob(digest, purpose, signal)
  }

  async tags(wanted: TagsWanted, signal: AbortSignal): Promise<TagList> {
    const { layout, index } = await this.#layout(signal)
    const isTold = this.#parts.ipfs.tellsPaths
    return {
      ...pageOf(index.tags, wanted),
      source: this.#parts.store.name,
      cached: true,
      contentPath: isTold ? formatContentPath(layout.path) : undefined,
      roots: isTold ? [layout.path.root.toString()] : [],
      warning: undefined,
    }
  }

  /** None where nothing was pushed yet: that a manifest may still come is no failure (distribution-spec, "Listing Referrers"). */
  async referrers(subject: Digest, signal: AbortSignal): Promise<ReferrerList> {
    try {
      const { layout } = await this.#layout(signal)
      return await layout.referrers(subject, signal)
    } catch (error) {
      if (!isFailure(error, 'NAME_UNKNOWN')) throw error
      const nowhere = { contentPath: undefined, roots: [], warning: undefined }
      return { referrers: [], source: this.#parts.store.name, cached: true, ...nowhere }
    }
  }

  beginUpload(signal: AbortSignal): Promise<UploadStatus> {
    return this.#parts.store.uploads.begin(this.place, signal)
  }

  uploadStatus(id: string, signal: AbortSignal): Promise<UploadStatus> {
    return this.#parts.store.uploads.status(this.place, id, signal)
  }

  appendUpload(id: string, part: UploadPart, signal: AbortSignal): Promise<UploadStatus> {
    return this.#parts.store.uploads.append(this.place, id, part, signal)
  }

  async finishUpload(
    id: string,
    digest: Digest,
    part: UploadPart | undefined,
    signal: AbortSignal,
  ): Promise<number> {
    const { size } = await this.#parts.store.uploads.finish(this.place, id, digest, part, signal)
    this.#parts.holders.set(digest, this.place.repository)
    return size
  }

  cancelUpload(id: string, signal: AbortSignal): Promise<void> {
    return this.#parts.store.uploads.cancel(this.place, id, signal)
  }

  async storedBlob(digest: Digest, signal: AbortSignal): Promise<AddedFile | undefined> {
    const staged = await this.#parts.store.staged.find(this.place, digest, signal)
    if (staged !== undefined) return staged
    return (await this.#newest(signal))?.blob(digest, signal)
  }

  async mountBlob(
    digest: Digest,
    from: WritableRepository,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const file = await from.storedBlob(digest, signal)
    if (file === undefined) return undefined
    try {
      await this.#parts.store.staged.stage(this.place, digest, file, signal)
      return file.size
    } catch (error) {
      // It was deleted there in the meantime.
      if (isFailure(error, 'CONTENT_NOT_FOUND')) return undefined
      throw error
    }
  }

  async putManifest(sent: ManifestToPut, signal: AbortSignal): Promise<PutManifest> {
    const manifest = checkManifest(sent, this.#parts.ipfs.maxManifestSize)
    const { digest, mediaType } = manifest.descriptor
    const contentPath = await this.#change((folder) => this.#put(folder, manifest, sent.tags, signal), signal)
    for (const need of manifest.needs) this.#parts.holders.set(need.digest, this.place.repository)
    // It is done; what stays staged goes when its time is over.
    await this.#parts.store.staged
      .drop(this.place, [digest, ...manifest.needs.map((need) => need.digest)], signal)
      .catch(() => undefined)
    return { digest, mediaType, subject: manifest.subject, contentPath }
  }

  async deleteTag(tag: string, signal: AbortSignal): Promise<void> {
    await this.#change(async (folder) => {
      const index = await folder.index(signal)
      if (index?.find(tag) === undefined) {
        throw new Failure('MANIFEST_UNKNOWN', `${this.place.repository} has no tag "${tag}"`)
      }
      return folder.indexWritten(index.withoutTag(tag))
    }, signal)
  }

  async deleteManifest(digest: Digest, signal: AbortSignal): Promise<readonly string[]> {
    let tags: readonly string[] = []
    await this.#change(async (folder) => {
      const index = await folder.index(signal)
      if (index === undefined || !(await this.#holdsManifest(folder, digest, signal))) {
        throw new Failure('MANIFEST_UNKNOWN', `${this.place.repository} has no manifest ${digest}`)
      }
      tags = index.tags.filter((tag) => index.find(tag)?.digest === digest)
      return [folder.blobRemoved(digest), ...folder.indexWritten(index.without(digest))]
    }, signal)
    return tags
  }

  async deleteBlob(digest: Digest, signal: AbortSignal): Promise<void> {
    const { staged } = this.#parts.store
    const wasStaged = (await staged.find(this.place, digest, signal)) !== undefined
    await staged.drop(this.place, [digest], signal)
    const unknown = new Failure('BLOB_UNKNOWN', `${this.place.repository} does not hold ${digest}`)
    try {
      await this.#change(async (folder) => {
        if ((await folder.blob(digest, signal)) === undefined) throw unknown
        const index = (await folder.index(signal)) ?? IndexDocument.empty()
        const listed = index.has(digest) ? folder.indexWritten(index.without(digest)) : []
        return [folder.blobRemoved(digest), ...listed]
      }, signal)
    } catch (error) {
      if (error !== unknown || !wasStaged) throw error
    }
  }

  async #put(
    folder: RepositoryFolder,
    { descriptor, bytes, needs }: PushedManifest,
    tags: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly Edit[]> {
    const { digest } = descriptor
    const index = (await folder.index(signal)) ?? IndexDocument.empty()
    for (const tag of tags) this.#checkMutable(index, tag, digest)
    const edits: Edit[] = []
    for (const need of needs) {
      const edit = await this.#provide(folder, need, signal)
      if (edit !== undefined) edits.push(edit)
    }
    const isThere = (await folder.blob(digest, signal)) !== undefined
    if (!isThere) edits.push(folder.blobWritten(digest, bytes))
    return [...edits, ...folder.indexWritten(index.with(descriptor, tags))]
  }

  /** What the manifest needs must be in the layout already, or staged to come into it. */
  async #provide(
    folder: RepositoryFolder,
    { digest, size }: { digest: Digest; size: number },
    signal: AbortSignal,
  ): Promise<Edit | undefined> {
    const held = await folder.blob(digest, signal)
    const file = held ?? (await this.#parts.store.staged.find(this.place, digest, signal))
    if (file === undefined) {
      throw new Failure('MANIFEST_BLOB_UNKNOWN', `${this.place.repository} does not hold ${digest}`, {
        detail: { digest },
      })
    }
    if (file.size !== size) {
      throw new Failure('MANIFEST_INVALID', `${digest} has ${file.size} bytes, not ${size} as it says`)
    }
    return held === undefined ? folder.blobAdded(digest, file) : undefined
  }

  #checkMutable(index: IndexDocument, tag: string, digest: Digest): void {
    const now = index.find(tag)
    if (now === undefined || now.digest === digest) return
    if (!this.#parts.isImmutable(this.place.repository, tag)) return
    throw new Failure(
      'TAG_IMMUTABLE',
      `${this.place.repository}:${tag} is ${now.digest} and, by a rule of this gateway, stays it`,
    )
  }

  async #holdsManifest(folder: RepositoryFolder, digest: Digest, signal: AbortSignal): Promise<boolean> {
    try {
      const bytes = await folder.smallBlob(digest, this.#parts.ipfs.maxManifestSize, signal)
      return bytes !== undefined && parseManifest(bytes) !== undefined
    } catch (error) {
      if (isFailure(error, 'CONTENT_TOO_LARGE')) return false
      throw error
    }
  }

  /** @returns `/ipfs/<cid>` of the layout afterwards; undefined where that is not told */
  async #change(
    edits: (folder: RepositoryFolder) => Promise<readonly Edit[]>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { writer, store, ipfs } = this.#parts
    const folderIn = (tree: Snapshot['tree']): RepositoryFolder =>
      new RepositoryFolder(this.place.repository, tree, store.blocks)
    const { tree } = await writer.commit((tree) => edits(folderIn(tree)), signal)
    if (!ipfs.tellsPaths) return undefined
    const link = await folderIn(tree).link(signal)
    return link === undefined ? undefined : `/ipfs/${link.cid.toString()}`
  }

  async #newest(signal: AbortSignal): Promise<RepositoryFolder | undefined> {
    const snapshot = await this.#parts.writer.newest(signal)
    if (snapshot === undefined) return undefined
    return new RepositoryFolder(this.place.repository, snapshot.tree, this.#parts.store.blocks)
  }

  async #layout(signal: AbortSignal): Promise<{ layout: IpfsRepository; index: IndexDocument }> {
    const folder = await this.#newest(signal)
    const link = await folder?.link(signal)
    if (folder === undefined || link === undefined) {
      throw new Failure('NAME_UNKNOWN', `nothing has been pushed to ${this.place.repository} yet`)
    }
    const { ipfs, indexes } = this.#parts
    const layout = new IpfsRepository({ root: link.cid, segments: [] }, ipfs, () => undefined)
    const key = link.cid.toString()
    let index = indexes.get(key)
    if (index === undefined) {
      index = (await folder.index(signal)) ?? IndexDocument.empty()
      indexes.set(key, index)
    }
    return { layout, index }
  }
}
