import { LRUCache } from 'lru-cache'
import { messageOf } from '../errors.ts'
import type { IndexDocument } from '../layout/index-document.ts'
import type { Digest } from '../reference/digest.ts'
import { parseTagPattern } from '../reference/tag-pattern.ts'
import type { PushedNames } from '../repository/repositories.ts'
import { RootRepository } from '../repository/roots/root-repository.ts'
import { repositoriesIn } from '../roots/catalog.ts'
import type { RootStore, RootVersion } from '../roots/root-store.ts'
import { RootWriter } from '../roots/root-writer.ts'
import { buildAccess, type AccessParts } from './ipfs-access.ts'

/** The root that ordinary names are pushed to. */
export const HOME = 'home'

/** Parsed index.json files that are kept. */
const KEPT_INDEXES = 200
/** Blobs of which it is remembered who has them. */
const KEPT_HOLDERS = 20_000
/** ms between two looks for uploads that nobody goes on with. */
const SWEEP_EVERY = 60_000

/** A store of roots, as the program runs it. */
export interface RunningRootStore {
  readonly store: RootStore
  /** Name among the sources of the one that reads what it holds. */
  readonly source: string
  /** Remove uploads and staged blobs whose time is over. */
  readonly sweep: (signal: AbortSignal) => Promise<void>
  readonly close: () => Promise<void>
}

export interface BuiltRoots {
  readonly pushed: PushedNames
  /** Repositories of the home root. */
  readonly catalog: (signal: AbortSignal) => Promise<readonly string[]>
  /** Repositories that may have a blob. */
  readonly holders: (digest: Digest) => Promise<readonly string[]>
  readonly writers: ReadonlyMap<string, RootWriter>
  close(): Promise<void>
}

/** The roots that images are pushed to, over their store. */
export function buildRoots(
  parts: AccessParts,
  running: RunningRootStore,
  onCommit: (root: string, version: RootVersion) => void,
): BuiltRoots {
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
    indexes: new LRUCache<string, IndexDocument>({ max: KEPT_INDEXES }),
  }
  const writers = new Map(
    [HOME].map((root) => [root, new RootWriter(store, root, (version) => onCommit(root, version))]),
  )
  const home = writers.get(HOME) ?? new RootWriter(store, HOME)
  const ending = new AbortController()
  const sweeping = setInterval(() => {
    running.sweep(ending.signal).catch((error: unknown) => {
      if (ending.signal.aborted) return
      logger.warn('old uploads could not be removed', { error: messageOf(error) })
    })
  }, SWEEP_EVERY)
  sweeping.unref()
  return {
    pushed: {
      home: (repository) => new RootRepository(repository, { ...shared, writer: home }),
      named: () => undefined,
    },
    async catalog(signal) {
      const newest = await home.newest(signal)
      return newest === undefined ? [] : repositoriesIn(newest.tree, signal)
    },
    holders: async (digest) => [holders.get(digest)].filter((name) => name !== undefined),
    writers,
    async close() {
      clearInterval(sweeping)
      ending.abort()
      await access.remembering.close()
      await running.close()
    },
  }
}
