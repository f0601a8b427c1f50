import { formatContentPath } from '../../content/source.ts'
import type { ContentPath } from '../../content/source.ts'
import { Failure, isFailure } from '../../errors.ts'
import type { ManifestReader } from '../../layout/manifest-reader.ts'
import { buildReferrers, type Referrers } from '../../layout/referrers.ts'
import { listTags, selectTag } from '../../layout/tags.ts'
import type { Digest } from '../../reference/digest.ts'
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
import type { LayoutBlobs } from './layout-blobs.ts'
import type { LayoutReferrers } from './layout-referrers.ts'
import type { Layout, Layouts } from './layouts.ts'
import type { MetBlob } from './met-blobs.ts'
import type { ParsedManifests } from '../parsed-manifests.ts'
import type { StorageTreeParts } from '../storage-tree/storage-tree-repository.ts'

/** What all repositories under content roots share. */
export interface IpfsParts {
  readonly layouts: Layouts
  readonly blobs: LayoutBlobs
  readonly parsed: ParsedManifests
  readonly referrers: LayoutReferrers
  /** Where no layout is. */
  readonly storageTree: StorageTreeParts
  /** Bytes of the largest manifest that is served. */
  readonly maxManifestSize: number
  /** Whether answers say where on IPFS their content is. */
  readonly tellsPaths: boolean
}

/** Seconds; a tag under a root that is proved never changes. */
const FOREVER = 31_536_000

/** The image layout at (or above) a path under an immutable root, as a repository. */
export class IpfsRepository implements Repository {
  readonly path: ContentPath
  private readonly parts: IpfsParts
  private readonly checkAbove: (base: ContentPath) => void

  /** @param checkAbove refuses a layout that lies above the path, for which nobody has checked yet whether it is served */
  constructor(path: ContentPath, parts: IpfsParts, checkAbove: (base: ContentPath) => void) {
    this.path = path
    this.parts = parts
    this.checkAbove = checkAbove
  }

  async manifestByTag(tag: string, signal: AbortSignal): Promise<ManifestAnswer> {
    const layout = await this.layout(signal)
    try {
      return await this.tagged(layout, tag, signal)
    } catch (error) {
      // What was believed may have been wrong; what is proved stays.
      const suspicious = isFailure(error, 'MANIFEST_UNKNOWN', 'CONTENT_INVALID')
      if (!suspicious || !this.parts.layouts.doubt(layout)) throw error
      return this.tagged(await this.layout(signal), tag, signal)
    }
  }

  async manifestByDigest(digest: Digest, signal: AbortSignal): Promise<ManifestAnswer> {
    const layout = await this.layout(signal)
    return this.manifest(layout, layout.known.get(digest) ?? { mediaType: '', digest, size: -1 }, signal)
  }

  async blob(digest: Digest, purpose: BlobPurpose, signal: AbortSignal): Promise<BlobAnswer> {
    const layout = await this.layout(signal)
    const { blobs } = this.parts
    const expectedSize = layout.known.get(digest)?.size
    const open = (range: { start: number; end: number } | undefined, own: AbortSignal): Promise<BlobBody> =>
      blobs.open(layout, digest, { range, expectedSize, signal: own })
    if (purpose === 'whole') {
      const body = await open(undefined, signal)
      return this.blobAnswer(layout, digest, body.size, body, () => Promise.resolve(body))
    }
    const mustLook = purpose !== 'range' || expectedSize === undefined
    const size = mustLook ? (await blobs.find(layout, digest, signal)).size : expectedSize
    return this.blobAnswer(layout, digest, size, { source: layout.source, cached: false }, open)
  }

  async tags(wanted: TagsWanted, signal: AbortSignal): Promise<TagList> {
    const layout = await this.layout(signal)
    const tags = await listTags(layout.index, layout.hint, this.reader(layout), { signal })
    return { ...pageOf(tags, wanted), ...this.provenance(layout, undefined) }
  }

  async referrers(subject: Digest, signal: AbortSignal): Promise<ReferrerList> {
    const layout = await this.layout(signal)
    const key = `${formatContentPath(layout.base)}@${layout.index.digest}`
    const build = (own: AbortSignal): Promise<Referrers> =>
      buildReferrers(layout.index, this.reader(layout), { signal: own })
    const referrers = await this.parts.referrers.of(key, subject, build, signal)
    return { referrers, ...this.provenance(layout, undefined) }
  }

  /** Reads manifests and configs of a layout, for the rules that need to look into them. */
  reader(layout: Layout): ManifestReader {
    const { blobs, maxManifestSize } = this.parts
    return {
      read: async ({ digest, size }, { signal }) => {
        if (size > maxManifestSize) return undefined
        try {
          return (await blobs.bytes(layout, digest, { limit: maxManifestSize, expectedSize: size, signal }))
            .bytes
        } catch (error) {
          if (isFailure(error, 'BLOB_UNKNOWN', 'CONTENT_TOO_LARGE')) return undefined
          throw error
        }
      },
    }
  }

  async layout(signal: AbortSignal): Promise<Layout> {
    const layout = await this.parts.layouts.locate(this.path, signal)
    if (layout.base.segments.length < this.path.segments.length) this.checkAbove(layout.base)
    return layout
  }

  private async tagged(layout: Layout, tag: string, signal: AbortSignal): Promise<ManifestAnswer> {
    let descriptor = layout.tags.get(tag)
    if (descriptor === undefined) {
      descriptor = await selectTag(layout.index, tag, layout.hint, this.reader(layout), { signal })
      layout.tags.set(tag, descriptor)
    }
    const answer = await this.manifest(layout, descriptor, signal)
    return { ...answer, maxAge: layout.proof === 'blocks' ? FOREVER : undefined }
  }

  private async manifest(layout: Layout, descriptor: MetBlob, signal: AbortSignal): Promise<ManifestAnswer> {
    const { digest, mediaType } = descriptor
    const { bytes, source, cached } = await this.manifestBytes(layout, descriptor, signal)
    const manifest = this.parts.parsed.get(digest, mediaType, bytes)
    if (manifest === undefined) {
      throw new Failure('MANIFEST_UNKNOWN', `${digest} is in the layout, but it is no manifest`, {
        detail: { digest },
      })
    }
    layout.known.add(manifest)
    const where = this.provenance(layout, digest)
    return { ...where, source, cached, digest, mediaType: manifest.mediaType, bytes, maxAge: undefined }
  }

  private async manifestBytes(
    layout: Layout,
    { digest, size }: MetBlob,
    signal: AbortSignal,
  ): Promise<{ bytes: Uint8Array; source: string; cached: boolean }> {
    const limit = this.parts.maxManifestSize
    const expectedSize = size < 0 ? undefined : size
    try {
      return await this.parts.blobs.bytes(layout, digest, { limit, expectedSize, signal })
    } catch (error) {
      if (isFailure(error, 'BLOB_UNKNOWN', 'CONTENT_TOO_LARGE')) {
        throw new Failure('MANIFEST_UNKNOWN', error.message, { detail: error.detail, cause: error })
      }
      throw error
    }
  }

  private blobAnswer(
    layout: Layout,
    digest: Digest,
    size: number,
    from: { source: string; cached: boolean },
    open: BlobAnswer['open'],
  ): BlobAnswer {
    return { ...this.provenance(layout, digest), source: from.source, cached: from.cached, size, open }
  }

  private provenance(layout: Layout, digest: Digest | undefined): Provenance {
    const facts = { source: layout.source, cached: true, warning: undefined }
    if (!this.parts.tellsPaths) return { ...facts, contentPath: undefined, roots: [] }
    const held = digest === undefined ? undefined : this.parts.blobs.seen(layout, digest)
    const root = layout.base.root.toString()
    return {
      ...facts,
      contentPath: formatContentPath(held?.path ?? layout.base),
      roots: held?.cid === undefined || held.cid === root ? [root] : [root, held.cid],
    }
  }
}
