import type { ContentPath } from '../content/source.ts'
import type { NameResolver } from '../naming/resolver.ts'
import type { MutableName, RepositoryName } from '../reference/name.ts'
import { IpnsRepository } from './ipfs/ipns-repository.ts'
import { IpfsRepository, type IpfsParts } from './ipfs/repository.ts'
import { PathRepository } from './path-repository.ts'
import type { Policy } from './policy.ts'
import type { Repository } from './repository.ts'
import { repositoryFolder, type StorageTree } from './storage-tree/storage-tree.ts'

/** The sources of content, or some of them, with what is remembered of what they hold. */
export interface IpfsAccess {
  readonly ipfs: IpfsParts
  readonly resolver: NameResolver
}

/** A name on IPFS. */
export type ContentName = Extract<RepositoryName, { kind: 'ipfs' | 'ipns' }>

/** A mutable name, and what of a path is behind it. */
export interface NamePath {
  readonly mutable: MutableName
  readonly segments: readonly string[]
}

/** From names on IPFS to repositories, as far as they are allowed. */
export class ContentNames {
  private readonly policy: Policy

  constructor(policy: Policy) {
    this.policy = policy
  }

  /** @throws Failure DENIED */
  repository({ ipfs, resolver }: IpfsAccess, name: ContentName): Repository {
    const checkTree = (tree: StorageTree): void => this.policy.checkTarget(repositoryFolder(tree))
    if (name.kind === 'ipfs') return new PathRepository(this.underRoot(ipfs, name), ipfs, checkTree)
    const { mutable, segments } = name
    this.policy.checkName(mutable, segments)
    const at = (path: ContentPath): Repository =>
      new PathRepository(this.underName(ipfs, name, path), ipfs, checkTree)
    return new IpnsRepository({ name: mutable, segments, resolver, at })
  }

  /** Refuse what may not be served. @param path where the name leads @throws Failure DENIED */
  check(name: ContentName, path: ContentPath): void {
    if (name.kind === 'ipfs') return this.policy.checkPath(path)
    this.policy.checkName(name.mutable, name.segments)
    this.policy.checkTarget(path)
  }

  /** The layout there. @throws Failure DENIED */
  underRoot(ipfs: IpfsParts, { root, segments }: ContentPath): IpfsRepository {
    const path = { root, segments }
    this.policy.checkPath(path)
    return new IpfsRepository(path, ipfs, (base) => this.policy.checkPath(base))
  }

  /**
   * The layout there.
   *
   * @param path where the name and the segments behind it lead
   * @throws Failure DENIED
   */
  underName(ipfs: IpfsParts, { mutable, segments }: NamePath, path: ContentPath): IpfsRepository {
    this.policy.checkTarget(path)
    const nameDepth = path.segments.length - segments.length
    return new IpfsRepository(path, ipfs, (base) => {
      this.policy.checkTarget(base)
      this.policy.checkName(mutable, segments.slice(0, Math.max(0, base.segments.length - nameDepth)))
    })
  }
}
