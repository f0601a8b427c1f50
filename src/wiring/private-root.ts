import { createEmbeddedSource } from '../content/embedded/source.ts'
import { buildCache, type CacheParts } from './blob-cache.ts'
import type { AccessParts } from './ipfs-access.ts'
import {
  buildRootRepositories,
  type OnRootVersion,
  type RootRepositories,
  type RunningRootStore,
} from './root-repositories.ts'
import type { OpenStore } from './store.ts'

/** The root of what not everybody may pull. It has no name, and no way leads to it but the registry. */
export const PRIVATE = 'private'

/** What it has for small objects, of the memory that the settings give for them. */
const SHARE_OF_MEMORY = 1 / 4

export interface PrivateRoot {
  readonly repositories: RootRepositories
  close(): Promise<void>
}

/**
 * The private root, over a store of its own: what is in it is not found by its digest or CID in a public repository, in
 * other content, or among the blocks.
 *
 * @param running the roots in that store
 */
export function buildPrivateRoot(
  parts: AccessParts & Pick<CacheParts, 'openSums'> & { readonly onVersion: OnRootVersion },
  store: OpenStore,
  running: RunningRootStore,
): PrivateRoot {
  const { config } = parts
  const located = parts.located.filter(({ name }) => name === running.source)
  const memorySize = Math.floor(config.memoryCacheSize * SHARE_OF_MEMORY)
  const inStore = { ...parts, located, store, sources: [createEmbeddedSource(store)], own: undefined }
  const cache = buildCache({ ...inStore, memorySize })
  const repositories = buildRootRepositories(
    { ...inStore, cache, tellsPaths: false },
    running,
    parts.onVersion,
  )
  return {
    repositories,
    async close() {
      await repositories.close()
      cache.close()
    },
  }
}
