import { formatContentPath, type ContentPath, type ContentSource } from '../../content/source.ts'
import { Failure, isFailure } from '../../errors.ts'
import type { Manifest } from '../../layout/manifest.ts'
import type { Digest } from '../../reference/digest.ts'
import type { LayoutReferrers } from '../ipfs/layout-referrers.ts'
import type { ParsedManifests } from '../parsed-manifests.ts'
import type {
  BlobAnswer,
  BlobBody,
  BlobPurpose,
  ManifestAnswer,
  Provenance,
  ReferrerList,
  Repository,
  TagList,
} from '../repository.ts'
import { pageOf, type TagsWanted } from '../tag-pages.ts'
import { dataOf, tagLink, type StorageTree } from './storage-tree.ts'
import type { StorageTrees } from './storage-trees.ts'
import type { TreeBlobs } from './tree-blobs.ts'
import type { TreeLinks } from './tree-links.ts'
import type { TreeLists } from './tree-lists.ts'
import { treeReferrers } from './tree-referrers.ts'

/** What all repositories in storage trees share. */
export interface StorageTreeParts {
  readonly content: ContentSource
  readonly trees: StorageTrees
  readonly links: TreeLinks
  readonly lists: TreeLists
  readonly blobs: TreeBlobs
}

export interface ManifestParts {
  readonly parsed: ParsedManifests
  readonly referrers: LayoutReferrers
  /** Bytes of the largest manifest that is served. */
  readonly maxManifestSize: number
}

/** Seconds; a tag under a root that is proved never changes. */
const FOREVER = 31_536_000
/** Tags in the `detail` of an error. */
const MOST_AVAILABLE = 100

/** A repository in a storage tree under an immutable root. */
export class StorageTreeRepository implements Repository {
  private readonly tree: StorageTree
  private readonly parts: StorageTreeParts
  private readonly manifests: ManifestParts

  constructor(tree: StorageTree, parts: StorageTreeParts, manifests: ManifestParts) {
    this.tree = tree
    this.parts = parts
    this.manifests = manifests
  }

  async manifestByTag(tag: string, signal: AbortSignal): Promise<ManifestAnswer> {
    const link = await this.parts.links.read(tagLink(this.tree, tag), signal)
    if (link === undefined) throw await this.unknownTag(tag, signal)
    // The tag shows that the manifest is of the repository.
    const answer = await this.manifest(link.digest, dataOf(this.tree.base, link.digest), signal)
    return { ...answer, maxAge: link.proof === 'blocks' ? FOREVER : undefined }
  }

  async manifestByDigest(digest: Digest, signal: AbortSignal): Promise<ManifestAnswer> {
    return this.manifest(digest, await this.manifestData(digest, signal), signal)
  }

  async blob(digest: Digest, purpose: BlobPurpose, signal: AbortSignal): Promise<BlobAnswer> {
    const { blobs } = this.parts
    const data = await blobs.locate(this.tree, digest, 'blob', signal)
    const open = (expectedSize: number | undefined): BlobAnswer['open'] => {
      return (range, own): Promise<BlobBody> =>
        blobs.open(this.tree, digest, data, { range, expectedSize, signal: own })
    }
    if (purpose === 'whole') {
      const body = await open(undefined)(undefined, signal)
      const { size, source, cached } = body
      return { ...this.provenance(data), source, cached, size, open: () => Promise.resolve(body) }
    }
    const size = await blobs.sizeOf(this.tree, digest, data, signal)
    return { ...this.provenance(data), size, open: open(size) }
  }

  async tags(wanted: TagsWanted, signal: AbortSignal): Promise<TagList> {
    const tags = await this.parts.lists.tags(this.tree, signal)
    return { ...pageOf(tags, wanted), ...this.provenance(undefined) }
  }

  async referrers(subject: Digest, signal: AbortSignal): Promise<ReferrerList> {
    const { parts, tree } = this
    const reader = {
      bytes: (digest: Digest, own: AbortSignal) => this.bytesOf(digest, own),
      parse: (digest: Digest, bytes: Uint8Array) => this.manifests.parsed.get(digest, '', bytes),
    }
    const referrers = await treeReferrers(
      tree,
      subject,
      { ...parts, reader, known: this.manifests.referrers },
      signal,
    )
    return { referrers, ...this.provenance(undefined) }
  }

  private async manifest(digest: Digest, data: ContentPath, signal: AbortSignal): Promise<ManifestAnswer> {
    const { bytes, source, cached } = await this.asManifest(() => this.bytesAt(digest, data, signal))
    const manifest: Manifest | undefined = this.manifests.parsed.get(digest, '', bytes)
    if (manifest === undefined) {
      throw new Failure(
        'MANIFEST_UNKNOWN',
        `${digest} is in the repository, but it is no manifest that is served`,
        {
          detail: { digest },
        },
      )
    }
    const { mediaType } = manifest
    return { ...this.provenance(data), source, cached, digest, mediaType, bytes, maxAge: undefined }
  }

  private manifestData(digest: Digest, signal: AbortSignal): Promise<ContentPath> {
    return this.asManifest(() => this.parts.blobs.locate(this.tree, digest, 'manifest', signal))
  }

  /** @returns undefined where the repository does not hold it, or it is too large */
  private async bytesOf(digest: Digest, signal: AbortSignal): Promise<Uint8Array | undefined> {
    try {
      const data = await this.manifestData(digest, signal)
      return (await this.asManifest(() => this.bytesAt(digest, data, signal))).bytes
    } catch (error) {
      if (isFailure(error, 'MANIFEST_UNKNOWN')) return undefined
      throw error
    }
  }

  private bytesAt(
    digest: Digest,
    data: ContentPath,
    signal: AbortSignal,
  ): Promise<{ bytes: Uint8Array; source: string; cached: boolean }> {
    const limit = this.manifests.maxManifestSize
    return this.parts.blobs.bytes(this.tree, digest, data, { limit, signal })
  }

  private async asManifest<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      if (!isFailure(error, 'BLOB_UNKNOWN', 'CONTENT_TOO_LARGE')) throw error
      throw new Failure('MANIFEST_UNKNOWN', error.message, { detail: error.detail, cause: error })
    }
  }

  private async unknownTag(tag: string, signal: AbortSignal): Promise<Failure> {
    const tags = await this.parts.lists.tags(this.tree, signal).catch(() => [])
    signal.throwIfAborted()
    return new Failure('MANIFEST_UNKNOWN', `${this.tree.repository.join('/')} has no tag "${tag}"`, {
      detail: { reference: tag, available: tags.slice(0, MOST_AVAILABLE) },
    })
  }

  private provenance(data: ContentPath | undefined): Provenance {
    const root = this.tree.base.root.toString()
    const cid = data === undefined ? undefined : this.parts.blobs.cidOf(data)
    return {
      source: this.parts.content.name,
      cached: true,
      contentPath: formatContentPath(data ?? this.tree.base),
      roots: cid === undefined || cid === root ? [root] : [root, cid],
      warning: undefined,
    }
  }
}
