import { below, formatContentPath, type ContentPath } from '../../content/source.ts'
import { algorithmOf, encodedOf, type Digest } from '../../reference/digest.ts'

/**
 * A repository in the folder that the distribution registry keeps its data in (distribution,
 * registry/storage/paths.go): one folder of blobs for all repositories, and for each repository small files, named
 * `link`, that say which of the blobs it has.
 */
export interface StorageTree {
  /** Tells it from others. */
  readonly key: string
  /** The folder that `docker/registry/v2` is in. */
  readonly base: ContentPath
  readonly repository: readonly string[]
}

export function storageTree(base: ContentPath, repository: readonly string[]): StorageTree {
  return { key: `${formatContentPath(base)}:${repository.join('/')}`, base, repository }
}

/** What shows that a folder holds such data. */
export function registryIn(base: ContentPath): ContentPath {
  return below(base, 'docker', 'registry', 'v2')
}

/** Where the names of repositories are folders. */
export function repositoriesIn(base: ContentPath): ContentPath {
  return below(registryIn(base), 'repositories')
}

export function repositoryFolder({ base, repository }: StorageTree): ContentPath {
  return below(repositoriesIn(base), ...repository)
}

/** The folder that every repository has. */
export function manifestsIn(tree: StorageTree): ContentPath {
  return below(repositoryFolder(tree), '_manifests')
}

export function tagsIn(tree: StorageTree): ContentPath {
  return below(manifestsIn(tree), 'tags')
}

export function tagLink(tree: StorageTree, tag: string): ContentPath {
  return below(tagsIn(tree), tag, 'current', 'link')
}

/** Manifests of the repository, of one algorithm. */
export function revisionsIn(tree: StorageTree, algorithm: string): ContentPath {
  return below(manifestsIn(tree), 'revisions', algorithm)
}

export function revisionLink(tree: StorageTree, digest: Digest): ContentPath {
  return below(revisionsIn(tree, algorithmOf(digest)), encodedOf(digest), 'link')
}

export function layerLink(tree: StorageTree, digest: Digest): ContentPath {
  return below(repositoryFolder(tree), '_layers', algorithmOf(digest), encodedOf(digest), 'link')
}

/** Where the bytes are, of whichever repository. */
export function dataOf(base: ContentPath, digest: Digest): ContentPath {
  const encoded = encodedOf(digest)
  return below(registryIn(base), 'blobs', algorithmOf(digest), encoded.slice(0, 2), encoded, 'data')
}
