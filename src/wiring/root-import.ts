import type { CID } from 'multiformats/cid'
import type { ImportedRoot, RootToImport } from '../cli/root-reports.ts'
import type { Config } from '../config/config.ts'
import { formatContentPath } from '../content/source.ts'
import { Failure } from '../errors.ts'
import type { Keeper } from '../follow/keeper.ts'
import type { NameResolver } from '../naming/resolver.ts'
import { parseTarget } from '../naming/target.ts'
import { silentLogger } from '../observability/logger.ts'
import { noMetrics } from '../observability/metrics.ts'
import { repositoriesIn } from '../roots/catalog.ts'
import type { RootVersion } from '../roots/root-store.ts'
import { RootTree } from '../roots/root-tree.ts'
import { embeddedKeeper } from './embedded-keeper.ts'
import type { KeptRoots } from './kept-roots.ts'
import { kuboKeeper } from './kubo-keeper.ts'
import { buildBackend } from './repositories.ts'
import { namedRoots } from './root-names.ts'
import { locateSources, type LocatedSource } from './sources.ts'
import { createBufferPool, type OpenStore } from './store.ts'

/** ms for letting go, also where nobody waits for it any more. */
const RELEASE = 60_000

/** Starts a root that has no version yet from what is on IPFS. */
export type RootImporter = (wanted: RootToImport, signal: AbortSignal) => Promise<ImportedRoot>

export interface RootImporterParts {
  readonly config: Config
  readonly kept: KeptRoots
  readonly keeper: Keeper
  readonly resolver: NameResolver
  /** Told when the root has its first version. */
  readonly onImport?: (root: string, version: RootVersion) => void
}

/** @throws Failure SETTINGS_INVALID, NAME_INVALID, NAME_UNRESOLVED, IMPORT_INVALID, CONTENT_*, STORE_FAILED, ROOT_UNREADABLE */
export function rootImporter({ config, kept, keeper, resolver, onImport }: RootImporterParts): RootImporter {
  return async ({ root, path }, signal) => {
    if (!namedRoots(config).some((named) => named.root === root)) {
      throw new Failure(
        'SETTINGS_INVALID',
        `"${root}" is no root in the settings of the gateway: --root ${root}`,
      )
    }
    const { versions, blocks } = kept.store
    await expectNone(root, kept, signal)
    const cid = await cidOf(path, resolver, signal)
    const label = `ipfs-registry-import-${root}`
    await keeper.keep(cid, label, signal)
    try {
      const repositories = await repositoriesIn(new RootTree(blocks, cid), signal)
      if (repositories.length === 0) {
        throw new Failure(
          'IMPORT_INVALID',
          `${path} is no root: below it is no image layout in a folder of its own (/ipfs/${cid.toString()})`,
        )
      }
      const version = await versions.commit(root, undefined, { cid, blocks: [] }, signal)
      if (version === undefined) throw notEmpty(root)
      onImport?.(root, version)
      return { root, cid: cid.toString(), version: version.number, repositories: [...repositories].sort() }
    } finally {
      // The version holds it now, or nothing is to. What is left in a Kubo is a pin whose name says whose it is.
      await keeper.release(cid, label, AbortSignal.timeout(RELEASE)).catch(() => undefined)
    }
  }
}

/** As {@link rootImporter}, where no gateway runs that could resolve names and fetch. */
export function rootImporterAlone(
  config: Config,
  store: OpenStore | undefined,
  kept: KeptRoots,
): RootImporter {
  return async (wanted, signal) => {
    const located = await locateSources(config, signal)
    const parts = { config, located, store, pool: createBufferPool() }
    const backend = await buildBackend({ ...parts, logger: silentLogger(), metrics: noMetrics() })
    try {
      const keeper = keeperIn(config, located, store, kept)
      return await rootImporter({ config, kept, keeper, resolver: backend.resolver })(wanted, signal)
    } finally {
      await backend.close()
    }
  }
}

/** Keeps content where the roots are. */
export function keeperIn(
  config: Config,
  located: readonly LocatedSource[],
  store: OpenStore | undefined,
  { kubo }: KeptRoots,
): Keeper {
  if (kubo !== undefined) return kuboKeeper(kubo)
  if (store !== undefined) return embeddedKeeper(config, located, store)
  throw new Failure('INTERNAL', 'roots are kept neither in a Kubo nor in a store')
}

async function expectNone(root: string, { store }: KeptRoots, signal: AbortSignal): Promise<void> {
  if ((await store.versions.head(root, signal)) !== undefined) throw notEmpty(root)
}

function notEmpty(root: string): Failure {
  return new Failure(
    'IMPORT_INVALID',
    `the root ${root} has versions already, and is not replaced; import into another one: --root NAME`,
  )
}

async function cidOf(path: string, resolver: NameResolver, signal: AbortSignal): Promise<CID> {
  const target = targetOf(path)
  const found = target.kind === 'ipfs' ? target.path : (await resolver.resolve(target.name, { signal })).path
  const segments = target.kind === 'ipfs' ? found.segments : [...found.segments, ...target.segments]
  if (segments.length === 0) return found.root
  throw new Failure(
    'NAME_INVALID',
    `${path} is ${formatContentPath({ root: found.root, segments })}, a folder in something else: name it by its own CID`,
  )
}

function targetOf(path: string): ReturnType<typeof parseTarget> {
  try {
    return parseTarget(path)
  } catch (error) {
    throw new Failure('NAME_INVALID', `"${path}" is neither /ipfs/<cid> nor /ipns/<name>`, { cause: error })
  }
}
