import { LRUCache } from 'lru-cache'
import { messageOf } from '../errors.ts'
import type { IndexDocument } from '../layout/index-document.ts'
import type { Digest } from '../reference/digest.ts'
import { parseTagPattern } from '../reference/tag-pattern.ts'
import { RootRepository } from '../repository/roots/root-repository.ts'
import { repositoriesIn } from '../roots/catalog.ts'
import type { RootVersion } from '../roots/root-store.ts'
import { RootTree } from '../roots/root-tree.ts'
import { RootWriter } from '../roots/root-writer.ts'
import { buildAccess, type AccessParts } from './ipfs-access.ts'
import type { KeptRoots } from './kept-roots.ts'

/** Bytes of parsed index.json files that are kept, each of which takes some five times the memory of its text. */
const KEPT_INDEXES = 16 * 1024 * 1024
/** Blobs of which it is remembered who has them. */
const KEPT_HOLDERS = 20_000
/** ms between two looks for uploads that nobody goes on with. */
const SWEEP_EVERY = 60_000

/** A store of roots, as the program runs it. */
export interface RunningRootStore extends KeptRoots {
  /** Name among the sources of the one that reads what it holds. */
  readonly source: string
}

/** Told of each version of a root that is made here. */
export type OnRootVersion = (root: string, version: RootVersion) => void

/** The repositories of the roots that are kept in one store. */
export interface RootRepositories {
  /** The repositories of a root, by name. Once for each root: it orders what is changed in it. */
  readonly of: (root: string) => (repository: string) => RootRepository
  /** Names of the repositories that a root has. */
  readonly names: (root: string, signal: AbortSignal) => Promise<readonly string[]>
  /** Repositories that may have a blob. */
  readonly holders: (digest: Digest) => readonly string[]
  /** Takes no pushes any more. The store stays open. */
  close(): Promise<void>
}

export function buildRootRepositories(
  parts: AccessParts,
  running: RunningRootStore,
  onVersion: OnRootVersion,
): RootRepositories {
  const { config, cache, logger } = parts
  const { store } = running
  const access = buildAccess(parts, [running.source])
  const immutable = config.immutableTags.map(parseTagPattern)
  const holders = new LRUCache<Digest, string>({ max: KEPT_HOLDERS })
  const shared = {
    store,
    cache,
    content: access.content,
    ipfs: access.ipfs,
    isImmutable: (repository: string, tag: string) => immutable.some((one) => one.matches(repository, tag)),
    holders,
    indexes: new LRUCache<string, IndexDocument>({
      maxSize: KEPT_INDEXES,
      sizeCalculation: ({ textSize }) => 1024 + 5 * textSize,
    }),
  }
  const ending = new AbortController()
  const sweeping = setInterval(() => {
    running.sweep(ending.signal).catch((error: unknown) => {
      if (ending.signal.aborted) return
      logger.warn('old uploads could not be removed', { error: messageOf(error) })
    })
  }, SWEEP_EVERY)
  sweeping.unref()
  return {
    of(root) {
      const writer = new RootWriter(store, root, (version) => onVersion(root, version))
      return (repository) => new RootRepository(repository, { ...shared, writer })
    },
    async names(root, signal) {
      const newest = await store.versions.head(root, signal)
      return newest === undefined ? [] : repositoriesIn(new RootTree(store.blocks, newest.cid), signal)
    },
    holders: (digest) => [holders.get(digest)].filter((name) => name !== undefined),
    async close() {
      clearInterval(sweeping)
      ending.abort()
      await access.remembering.close()
    },
  }
}
