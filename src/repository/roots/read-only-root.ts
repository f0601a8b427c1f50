import { below, formatContentPath, type ContentPath } from '../../content/source.ts'
import { Failure, isFailure } from '../../errors.ts'
import type { FollowedRoot, KeptPlace } from '../../follow/followed-root.ts'
import type { ContentName, ContentNames, IpfsAccess } from '../content-names.ts'
import { IpnsRepository } from '../ipfs/ipns-repository.ts'
import { DigestHolders } from '../digest-holders.ts'
import { IpfsRepository, type IpfsParts } from '../ipfs/repository.ts'
import { PlacedRepository, type AskedFor } from '../placed-repository.ts'
import type { Repository } from '../repository.ts'
import { StorageTreeRepository } from '../storage-tree/storage-tree-repository.ts'

/** What is kept here of a root, whatever becomes of the original. */
export interface KeptRoot {
  /** Reads what is kept, and nothing else. */
  readonly ipfs: IpfsParts
  readonly root: Pick<FollowedRoot, 'places'>
}

export interface ReadOnlyRootPlace {
  /** `/ipfs/<cid>/<path>` or `/ipns/<name>/<path>` */
  readonly root: string
  readonly kept?: KeptRoot | undefined
}

/**
 * Someone else's registry: a folder of image layouts, or a storage tree, under an immutable or a mutable name. What it
 * has is judged by the last known root of the name.
 */
export class ReadOnlyRoot {
  readonly #name: ContentName
  readonly #access: IpfsAccess
  readonly #names: ContentNames
  readonly #kept: KeptRoot | undefined

  constructor(name: ContentName, access: IpfsAccess, names: ContentNames, kept?: KeptRoot) {
    this.#kept = kept
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
    const kept = await this.#inKept(segments, asked, signal)
    if (kept !== undefined) return kept.repository
    return this.#inOriginal(segments, asked, signal)
  }

  /**
   * What a name that begins with the root's own stands for, as far as it is kept here.
   *
   * @throws Failure CONTENT_*; DENIED
   */
  async findKept(name: ContentName, asked: AskedFor, signal: AbortSignal): Promise<Repository | undefined> {
    const repository = this.#below(name)
    return repository && (await this.#inKept(repository, asked, signal))?.repository
  }

  /** Whether there can be something for {@link findKept}. */
  keeps(name: ContentName): boolean {
    return this.#kept !== undefined && this.#below(name) !== undefined
  }

  /** The repository of this root that a name on IPFS means. */
  #below(name: ContentName): readonly string[] | undefined {
    const { length } = this.#name.segments
    const isRoot = rootOf({ ...name, segments: name.segments.slice(0, length) }) === rootOf(this.#name)
    return isRoot && name.segments.length > length ? name.segments.slice(length) : undefined
  }

  async #inOriginal(
    segments: readonly string[],
    asked: AskedFor,
    signal: AbortSignal,
  ): Promise<Repository | undefined> {
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

  /** What is kept tells, without asking anybody. @returns undefined where it does not tell */
  async #inKept(
    repository: readonly string[],
    asked: AskedFor,
    signal: AbortSignal,
  ): Promise<{ repository: Repository | undefined } | undefined> {
    const kept = this.#kept
    const places = kept?.root.places(repository.join('/'))
    if (kept === undefined || places === undefined) return undefined
    const versions: Repository[] = []
    for (const place of asked === 'newest' ? places.slice(0, 1) : places) {
      const found = place === undefined ? undefined : await this.#keptAt(kept.ipfs, place, repository, signal)
      if (found !== undefined) versions.push(found)
    }
    const [newest, ...others] = versions
    if (newest === undefined) return { repository: undefined }
    // Another gateway may know of a newer root.
    const original = new PlacedRepository(async (_asked, own) => {
      const found = await this.#inOriginal(repository, asked, own)
      if (found !== undefined) return found
      throw new Failure('NAME_UNKNOWN', `${this.#name.name} has no ${repository.join('/')}`)
    })
    return { repository: new DigestHolders(newest, [...others, original]) }
  }

  async #keptAt(
    ipfs: IpfsParts,
    place: KeptPlace,
    repository: readonly string[],
    signal: AbortSignal,
  ): Promise<Repository | undefined> {
    const path = place.kind === 'layout' ? place.path : place.base
    const name = { ...this.#name, segments: [...this.#name.segments, ...repository] }
    this.#names.check(name, name.kind === 'ipfs' ? name : path)
    if (place.kind === 'layout') return new IpfsRepository(path, ipfs, () => undefined)
    const tree = await ipfs.storageTree.trees.at(path, repository, signal)
    return tree === undefined ? undefined : new StorageTreeRepository(tree, ipfs.storageTree, ipfs)
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

/** The same for all spellings of a name. */
function rootOf(name: ContentName): string {
  const root = name.kind === 'ipfs' ? name.root.toString() : name.mutable.text
  return [name.kind, root, ...name.segments].join('/')
}
