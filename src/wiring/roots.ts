import type { Digest } from '../reference/digest.ts'
import type { PushedNames } from '../repository/roots/pushed-names.ts'
import type { AccessParts } from './ipfs-access.ts'
import type { KeptRoots } from './kept-roots.ts'
import { PRIVATE, type PrivateRoot } from './private-root.ts'
import { buildRootNames, HOME, namedRoots, type BuiltRootNames } from './root-names.ts'
import { buildRootRepositories, type OnRootVersion, type RunningRootStore } from './root-repositories.ts'

/** ms that the end waits for names that lag behind. */
const LAST_PUBLICATION = 3_000

export interface BuiltRoots {
  readonly pushed: PushedNames
  /** Ordinary names that are repositories of ours. */
  readonly catalog: (signal: AbortSignal) => Promise<readonly string[]>
  /** Repositories that may have a blob. */
  readonly holders: (digest: Digest) => Promise<readonly string[]>
  readonly names: BuiltRootNames
  readonly kept: KeptRoots
  close(): Promise<void>
}

export interface RootsParts extends AccessParts {
  readonly running: RunningRootStore
  /** What not everybody may pull; undefined where nothing of it is kept. */
  readonly privateRoot: PrivateRoot | undefined
  readonly isPrivate: PushedNames['isPrivate'] | undefined
  readonly onVersion: OnRootVersion
}

/** The roots that images are pushed to, over their store, and their names. */
export function buildRoots(parts: RootsParts): BuiltRoots {
  const { config, running, privateRoot, isPrivate } = parts
  const { store } = running
  const names = buildRootNames({ ...parts, versions: store.versions, kubo: running.kubo })
  const inStore = buildRootRepositories(parts, running, (root, version) => {
    parts.onVersion(root, version)
    names.publisher?.changed(root)
  })
  const repositories = new Map(namedRoots(config).map(({ root }) => [root, inStore.of(root)]))
  const home = repositories.get(HOME) ?? inStore.of(HOME)
  return {
    pushed: {
      home,
      privately: privateRoot?.repositories.of(PRIVATE),
      named(name, repository) {
        const root = name.kind === 'key' ? names.keys.knownRootOf(name.text) : undefined
        return root === undefined || repository === '' ? undefined : repositories.get(root)?.(repository)
      },
      isPrivate: isPrivate ?? (() => false),
    },
    async catalog(signal) {
      const others = (await privateRoot?.repositories.names(PRIVATE, signal)) ?? []
      return [...(await inStore.names(HOME, signal)), ...others]
    },
    holders: async (digest) => [
      ...inStore.holders(digest),
      ...(privateRoot?.repositories.holders(digest) ?? []),
    ],
    names,
    kept: running,
    async close() {
      await names.stop(AbortSignal.timeout(LAST_PUBLICATION))
      await inStore.close()
      await privateRoot?.close()
      await running.close()
    },
  }
}
