import { Slots } from '../content/limited.ts'
import { EMBEDDED } from '../content/embedded/source.ts'
import { Failure } from '../errors.ts'
import { FollowedRoot } from '../follow/followed-root.ts'
import type { Keeper } from '../follow/keeper.ts'
import { parseTarget } from '../naming/target.ts'
import { parseNamePattern } from '../reference/name-pattern.ts'
import type { ReadOnlyRootPlace } from '../repository/roots/read-only-root.ts'
import { embeddedKeeper } from './embedded-keeper.ts'
import { buildAccess, type AccessParts, type BuiltAccess } from './ipfs-access.ts'
import { kuboKeeper } from './kubo-keeper.ts'
import { pushTarget } from './root-stores.ts'

/** Registries of others, with what is kept of them. */
export interface BuiltReadOnlyRoots {
  /** In the order in which they are asked. */
  readonly places: readonly ReadOnlyRootPlace[]
  readonly followed: readonly FollowedRoot[]
  close(): Promise<void>
}

/** Roots that are fetched at the same time; others wait. */
const AT_ONCE = 1

/**
 * The registries of others that the settings name. Those that are to be followed are, from now on.
 *
 * @param access to all sources
 * @throws Failure SETTINGS_INVALID when there is nowhere to keep what is to be followed
 */
export async function buildReadOnlyRoots(
  parts: AccessParts,
  access: BuiltAccess,
): Promise<BuiltReadOnlyRoots> {
  const { config, store, logger } = parts
  const wanted = config.readOnlyRoot.filter(({ follow }) => follow)
  if (wanted.length === 0) {
    return { places: config.readOnlyRoot, followed: [], close: () => Promise.resolve() }
  }
  const { keeper, source } = keeperOf(parts)
  const own = buildAccess(parts, [source])
  const slots = new Slots('follow', AT_ONCE, wanted.length)
  const followed = new Map(
    wanted.map((setting) => {
      const only = setting.only.map(parseNamePattern)
      const root = new FollowedRoot({
        root: setting.root,
        target: parseTarget(setting.root),
        whole: only.length === 0,
        isWanted: (name) => only.length === 0 || only.some((pattern) => pattern.match(name) !== undefined),
        resolver: access.resolver,
        content: access.content,
        keeper,
        memory: store?.followedRoot(formatted(setting)),
        slots,
        log: (level, message) => logger[level](message),
      })
      return [setting, root] as const
    }),
  )
  for (const root of followed.values()) await root.start()
  return {
    places: config.readOnlyRoot.map((setting) => {
      const kept = followed.get(setting)
      return kept === undefined ? setting : { ...setting, kept: { ipfs: own.ipfs, root: kept } }
    }),
    followed: [...followed.values()],
    async close() {
      await Promise.all([...followed.values()].map((root) => root.stop()))
      await own.remembering.close()
    },
  }
}

function keeperOf({ config, located, store }: AccessParts): { keeper: Keeper; source: string } {
  const kind = pushTarget(config)
  const source = located.find((one) => one.kind === kind)
  if (source === undefined) {
    throw new Failure(
      'SETTINGS_INVALID',
      `read-only-root: what is followed is kept in ${kind}, which is no source`,
    )
  }
  if (kind === 'kubo') {
    const { url, dispatcher, setting } = source
    return { keeper: kuboKeeper({ baseUrl: url, dispatcher, headers: setting.headers }), source: source.name }
  }
  if (store === undefined) {
    throw new Failure(
      'SETTINGS_INVALID',
      'read-only-root: with --store memory there is nowhere to keep what is followed',
    )
  }
  return { keeper: embeddedKeeper(config, located, store), source: EMBEDDED }
}

/** What is kept under other globs is something else. */
function formatted({ root, only }: { root: string; only: readonly string[] }): string {
  return [root, ...[...only].sort()].join(';')
}
