import { LRUCache } from 'lru-cache'
import { formatContentPath, type ContentPath, type ContentSource } from '../../content/source.ts'
import { isFailure } from '../../errors.ts'
import { PathFacts, type Fact } from '../path-facts.ts'
import { manifestsIn, registryIn, storageTree, type StorageTree } from './storage-tree.ts'

/** Finds repositories in storage trees. */
export class StorageTrees {
  private readonly found = new LRUCache<string, StorageTree>({ max: 10_000 })
  private readonly folders: PathFacts<boolean>
  private readonly content: ContentSource

  /** @param lingerMs that a search goes on after everyone's time was up */
  constructor(content: ContentSource, lingerMs: number) {
    this.content = content
    this.folders = new PathFacts(100_000, lingerMs)
  }

  /** What {@link locate} has found for the path, at no cost. */
  known(path: ContentPath): StorageTree | undefined {
    return this.found.size === 0 ? undefined : this.found.get(formatContentPath(path))
  }

  /**
   * The repository that a path means where no layout is on it: a folder on the path holds registry data, and what of the
   * path is below it is the repository's name. Upper folders first.
   *
   * @throws Failure CONTENT_*
   */
  async locate(path: ContentPath, signal: AbortSignal): Promise<StorageTree | undefined> {
    const { root, segments } = path
    for (let depth = 0; depth < segments.length; depth += 1) {
      const base = { root, segments: segments.slice(0, depth) }
      const tree = await this.at(base, segments.slice(depth), signal)
      if (tree === undefined) continue
      this.found.set(formatContentPath(path), tree)
      return tree
    }
    return undefined
  }

  /** The repository of this name in this folder of registry data. @throws Failure CONTENT_* */
  async at(
    base: ContentPath,
    repository: readonly string[],
    signal: AbortSignal,
  ): Promise<StorageTree | undefined> {
    if (!(await this.isFolder(registryIn(base), signal))) return undefined
    const tree = storageTree(base, repository)
    return (await this.isFolder(manifestsIn(tree), signal)) ? tree : undefined
  }

  private isFolder(path: ContentPath, signal: AbortSignal): Promise<boolean> {
    return this.folders.get(formatContentPath(path), signal, (own) => this.look(path, own))
  }

  private async look(path: ContentPath, signal: AbortSignal): Promise<Fact<boolean>> {
    try {
      const { kind, proof } = await this.content.stat(path, { signal })
      return { value: kind === 'directory', lasting: proof === 'blocks' }
    } catch (error) {
      if (!isFailure(error, 'CONTENT_NOT_FOUND')) throw error
      return { value: false, lasting: this.content.proof === 'blocks' }
    }
  }
}
