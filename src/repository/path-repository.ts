import type { ContentPath } from '../content/source.ts'
import { isFailure } from '../errors.ts'
import type { Digest } from '../reference/digest.ts'
import type { IpfsParts, IpfsRepository } from './ipfs/repository.ts'
import type {
  BlobAnswer,
  BlobPurpose,
  ManifestAnswer,
  ReferrerList,
  Repository,
  TagList,
} from './repository.ts'
import type { StorageTree } from './storage-tree/storage-tree.ts'
import { StorageTreeRepository } from './storage-tree/storage-tree-repository.ts'
import type { TagsWanted } from './tag-pages.ts'

/** What is at a path under an immutable root: an image layout, or where there is none, a repository in a storage tree. */
export class PathRepository implements Repository {
  private readonly layout: IpfsRepository
  private readonly path: ContentPath
  private readonly parts: IpfsParts
  private readonly checkTree: (tree: StorageTree) => void

  /** @param checkTree refuses what may not be served */
  constructor(layout: IpfsRepository, parts: IpfsParts, checkTree: (tree: StorageTree) => void) {
    this.layout = layout
    this.path = layout.path
    this.parts = parts
    this.checkTree = checkTree
  }

  manifestByTag(tag: string, signal: AbortSignal): Promise<ManifestAnswer> {
    return this.ask(signal, (place) => place.manifestByTag(tag, signal))
  }

  manifestByDigest(digest: Digest, signal: AbortSignal): Promise<ManifestAnswer> {
    return this.ask(signal, (place) => place.manifestByDigest(digest, signal))
  }

  blob(digest: Digest, purpose: BlobPurpose, signal: AbortSignal): Promise<BlobAnswer> {
    return this.ask(signal, (place) => place.blob(digest, purpose, signal))
  }

  tags(wanted: TagsWanted, signal: AbortSignal): Promise<TagList> {
    return this.ask(signal, (place) => place.tags(wanted, signal))
  }

  referrers(subject: Digest, signal: AbortSignal): Promise<ReferrerList> {
    return this.ask(signal, (place) => place.referrers(subject, signal))
  }

  /** A tree is looked for only where no layout is, so that layouts cost what they do without it. */
  private async ask<T>(signal: AbortSignal, ask: (place: Repository) => Promise<T>): Promise<T> {
    const { trees } = this.parts.storageTree
    const known = trees.known(this.path)
    if (known !== undefined) return ask(this.inTree(known))
    try {
      return await ask(this.layout)
    } catch (error) {
      if (!isFailure(error, 'NAME_UNKNOWN')) throw error
      const tree = await trees.locate(this.path, signal)
      if (tree === undefined) throw error
      return ask(this.inTree(tree))
    }
  }

  private inTree(tree: StorageTree): Repository {
    this.checkTree(tree)
    return new StorageTreeRepository(tree, this.parts.storageTree, this.parts)
  }
}
