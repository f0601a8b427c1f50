import { below, formatContentPath, type ContentPath } from '../../content/source.ts'
import { Failure, isFailure } from '../../errors.ts'
import type { ContentName, ContentNames, IpfsAccess } from '../content-names.ts'
import { IpnsRepository } from '../ipfs/ipns-repository.ts'
import { IpfsRepository } from '../ipfs/repository.ts'
import { PlacedRepository, type AskedFor } from '../placed-repository.ts'
import type { Repository } from '../repository.ts'
import { StorageTreeRepository } from '../storage-tree/storage-tree-repository.ts'

/**
 * Someone else's registry: a folder of image layouts, or a storage tree, under an immutable or a mutable name. What it
 * has is judged by the last known root of the name.
 */
export class ReadOnlyRoot {
  readonly #name: ContentName
  readonly #access: IpfsAccess
  readonly #names: ContentNames

  constructor(name: ContentName, access: IpfsAccess, names: ContentNames) {
    this.#name = name
    this.#access = access
    this.#names = names
  }

  /**
   * The repository of this name; undefined where the root does not have it. For a digest roots that the name led to
   * before count too, since a pull goes on in the root that it began with.
   *
   * @throws Failure NAME_UNRESOLVED, CONTENT_* when that can't be told; DENIED
   */
  async find(repository: string, asked: AskedFor, signal: AbortSignal): Promise<Repository | undefined> {
    const segments = repository.split('/')
    const { newest, earlier } = await this.#roots(signal)
    try {
      if (await this.#holds(newest, segments, signal)) return this.#repository(segments)
    } catch (error) {
      if (asked === 'newest' || !(await this.#anyHolds(earlier, segments, signal))) throw error
      return this.#repository(segments)
    }
    const was = asked === 'digest' && (await this.#anyHolds(earlier, segments, signal))
    return was ? this.#repository(segments) : undefined
  }

  /** The folders of repositories, now and lately. */
  async #roots(signal: AbortSignal): Promise<{ newest: ContentPath; earlier: readonly ContentPath[] }> {
    const name = this.#name
    if (name.kind === 'ipfs') return { newest: { root: name.root, segments: name.segments }, earlier: [] }
    try {
      const { path, previous } = await this.#access.resolver.resolve(name.mutable, { signal })
      const root = (one: ContentPath): ContentPath => below(one, ...name.segments)
      return { newest: root(path), earlier: previous.map(root) }
    } catch (error) {
      if (!isFailure(error, 'CONTENT_NOT_FOUND')) throw error
      // That a name leads nowhere says nothing of what its registry has.
      throw new Failure('NAME_UNRESOLVED', error.message, { cause: error })
    }
  }

  async #anyHolds(
    roots: readonly ContentPath[],
    repository: readonly string[],
    signal: AbortSignal,
  ): Promise<boolean> {
    for (const root of roots) {
      const holds = await this.#holds(root, repository, signal).catch(() => false)
      signal.throwIfAborted()
      if (holds) return true
    }
    return false
  }

  async #holds(root: ContentPath, repository: readonly string[], signal: AbortSignal): Promise<boolean> {
    const { layouts, storageTree } = this.#access.ipfs
    if (await layouts.isAt(below(root, ...repository), signal)) return true
    return (await storageTree.trees.at(root, repository, signal)) !== undefined
  }

  #repository(repository: readonly string[]): Repository {
    const segments = [...this.#name.segments, ...repository]
    const name = { ...this.#name, segments }
    const within = (path: ContentPath): Repository => {
      this.#names.check(name, path)
      const root = { root: path.root, segments: path.segments.slice(0, -repository.length) }
      return new PlacedRepository((_asked, signal) => this.#inRoot(root, repository, signal))
    }
    if (name.kind === 'ipfs') return within({ root: name.root, segments })
    const { resolver } = this.#access
    return new IpnsRepository({ name: name.mutable, segments, resolver, at: within })
  }

  async #inRoot(root: ContentPath, repository: readonly string[], signal: AbortSignal): Promise<Repository> {
    const { ipfs } = this.#access
    const path = below(root, ...repository)
    const missing = new Failure('NAME_UNKNOWN', `${formatContentPath(root)} has no ${repository.join('/')}`)
    if (await ipfs.layouts.isAt(path, signal)) {
      return new IpfsRepository(path, ipfs, () => {
        throw missing
      })
    }
    const tree = await ipfs.storageTree.trees.at(root, repository, signal)
    if (tree === undefined) throw missing
    return new StorageTreeRepository(tree, ipfs.storageTree, ipfs)
  }
}
