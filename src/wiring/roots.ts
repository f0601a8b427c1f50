import { LRUCache } from 'lru-cache'
import { messageOf } from '../errors.ts'
import type { IndexDocument } from '../layout/index-document.ts'
import type { Digest } from '../reference/digest.ts'
import { parseTagPattern } from '../reference/tag-pattern.ts'
import type { PushedNames } from '../repository/repositories.ts'
import { RootRepository } from '../repository/roots/root-repository.ts'
import { repositoriesIn } from '../roots/catalog.ts'
import { RootTree } from '../roots/root-tree.ts'
import { RootWriter } from '../roots/root-writer.ts'
import { buildAccess, type AccessParts } from './ipfs-access.ts'
import type { KeptRoots } from './kept-roots.ts'
import { buildRootNames, HOME, namedRoots, type BuiltRootNames } from './root-names.ts'

/** Parsed index.json files that are kept. */
const KEPT_INDEXES = 200
/** Blobs of which it is remembered who has them. */
const KEPT_HOLDERS = 20_000
/** ms that the end waits for names that lag behind. */
const LAST_PUBLICATION = 3_000
/** ms between two looks for uploads that nobody goes on with. */
const SWEEP_EVERY = 60_000

/** A store of roots, as the program runs it. */
export interface RunningRootStore extends KeptRoots {
  /** Name among the sources of the one that reads what it holds. */
  readonly source: string
}

export interface BuiltRoots {
  readonly pushed: PushedNames
  /** Repositories of the home root. */
  readonly catalog: (signal: AbortSignal) => Promise<readonly string[]>
  /** Repositories that may have a blob. */
  readonly holders: (digest: Digest) => Promise<readonly string[]>
  readonly names: BuiltRootNames
  readonly kept: KeptRoots
  close(): Promise<void>
}

/** The roots that images are pushed to, over their store, and their names. */
export function buildRoots(parts: AccessParts, running: RunningRootStore): BuiltRoots {
  const { config, cache, logger } = parts
  const { store } = running
  const names = buildRootNames({ ...parts, versions: store.versions, kubo: running.kubo })
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
  const repositoriesOf = (root: string): ((repository: string) => RootRepository) => {
    const writer = new RootWriter(store, root, ({ number, cid }) => {
      logger.info('a root has changed', { root, version: number, cid: cid.toString() })
      names.publisher?.changed(root)
    })
    return (repository) => new RootRepository(repository, { ...shared, writer })
  }
  const repositories = new Map(namedRoots(config).map(({ root }) => [root, repositoriesOf(root)]))
  const home = repositories.get(HOME) ?? repositoriesOf(HOME)
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
      home,
      named(name, repository) {
        const root = name.kind === 'key' ? names.keys.knownRootOf(name.text) : undefined
        return root === undefined || repository === '' ? undefined : repositories.get(root)?.(repository)
      },
    },
    async catalog(signal) {
      const newest = await store.versions.head(HOME, signal)
      return newest === undefined ? [] : repositoriesIn(new RootTree(store.blocks, newest.cid), signal)
    },
    holders: async (digest) => [holders.get(digest)].filter((name) => name !== undefined),
    names,
    kept: running,
    async close() {
      clearInterval(sweeping)
      ending.abort()
      await names.stop(AbortSignal.timeout(LAST_PUBLICATION))
      await access.remembering.close()
      await running.close()
    },
  }
}
