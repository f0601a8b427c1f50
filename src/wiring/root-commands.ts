import { CID } from 'multiformats/cid'
import type { Collected, NameReport, RootReport, Unpublished } from '../cli/root-reports.ts'
import type { Config } from '../config/config.ts'
import { Failure, messageOf } from '../errors.ts'
import { silentLogger } from '../observability/logger.ts'
import { noMetrics } from '../observability/metrics.ts'
import { parseCid } from '../reference/cid.ts'
import { RootBytes } from '../roots/root-bytes.ts'
import type { KeptRoots } from './kept-roots.ts'
import { rootImporterAlone, type RootImporter } from './root-import.ts'
import { buildRootNames, type BuiltRootNames } from './root-names.ts'
import { openKeptRoots, pushTarget } from './root-stores.ts'
import { locateSources } from './sources.ts'
import type { OpenStore } from './store.ts'

/** What people do with roots from a command line. Everything throws what reading and writing their store throws. */
export interface RootCommands {
  roots(signal: AbortSignal): Promise<readonly RootReport[]>
  import: RootImporter
  gc(dryRun: boolean, signal: AbortSignal): Promise<Collected>
  /** @param path `<cid>` or `/ipfs/<cid>` */
  unpublish(path: string, signal: AbortSignal): Promise<Unpublished>
}

export type UseRoots<T> = (commands: RootCommands) => Promise<T>

/** @param names those of a gateway that publishes know how far they are */
export function rootCommands(
  kept: KeptRoots,
  names: Pick<BuiltRootNames, 'keys' | 'publisher'>,
  importer: RootImporter,
): RootCommands {
  return {
    import: importer,
    async roots(signal) {
      const roots = new Set([...names.keys.roots, ...(await kept.names(signal))])
      const reports: RootReport[] = []
      for (const root of roots) reports.push(await reportOf(root, kept, names, signal))
      const { privately } = kept
      for (const root of (await privately?.names(signal)) ?? []) {
        if (privately !== undefined) reports.push(await reportOf(root, privately, names, signal))
      }
      return reports
    },
    gc: (dryRun, signal) => kept.collect(dryRun, signal),
    async unpublish(path, signal) {
      const cid = parseRootPath(path)
      await kept.unpublish(cid, signal)
      return { cid: cid.toString() }
    },
  }
}

/** Use the roots where no gateway runs that takes pushes to them. */
export async function withRootCommands<T>(
  { config, store, signal }: { config: Config; store: OpenStore | undefined; signal: AbortSignal },
  use: UseRoots<T>,
): Promise<T> {
  const located = pushTarget(config) === 'kubo' ? await locateSources(config, signal) : []
  try {
    const kept = await openKeptRoots(config, located, store)
    const names = buildRootNames({
      // Names are only looked at, as they are known here.
      config: { ...config, publishNames: false, ipnsRouter: [] },
      versions: kept.store.versions,
      kubo: kept.kubo,
      store,
      metrics: noMetrics(),
      logger: silentLogger(),
    })
    try {
      return await use(rootCommands(kept, names, rootImporterAlone(config, store, kept)))
    } finally {
      await kept.close()
    }
  } finally {
    await Promise.all(located.map(({ dispatcher }) => dispatcher.destroy()))
  }
}

async function reportOf(
  root: string,
  { store }: KeptRoots,
  names: Pick<BuiltRootNames, 'keys' | 'publisher'>,
  signal: AbortSignal,
): Promise<RootReport> {
  const name = names.keys.roots.includes(root) ? await nameOf(root, names, signal) : undefined
  const named = name === undefined ? {} : { name }
  try {
    const versions = await store.versions.history(root, signal)
    const counted = new RootBytes(store.blocks)
    let bytes: number | undefined
    let keptBytes = 0
    for (const { cid } of versions) {
      keptBytes = await counted.add(cid, signal)
      bytes ??= keptBytes
    }
    const reports = versions.map(({ number, cid, at }) => ({
      number,
      cid: cid.toString(),
      ...(at === undefined ? {} : { at }),
    }))
    return { root, versions: reports, bytes: bytes ?? 0, keptBytes, ...named }
  } catch (error) {
    signal.throwIfAborted()
    return { root, versions: [], bytes: 0, keptBytes: 0, ...named, error: messageOf(error) }
  }
}

/** What a publisher that runs knows, else what the last record says. */
async function nameOf(
  root: string,
  { keys, publisher }: Pick<BuiltRootNames, 'keys' | 'publisher'>,
  signal: AbortSignal,
): Promise<NameReport> {
  const state = publisher?.state(root)
  if (state !== undefined) {
    const { keyName, key, published, at, behindSince, error } = state
    return withoutUndefined({ keyName, key, published, publishedAt: at, behindSince, error })
  }
  const keyName = keys.keyName(root)
  try {
    const key = await keys.find(root, signal)
    const record = key === undefined ? undefined : await keys.publisher.current(key, signal)
    return withoutUndefined({ keyName, key: keys.textOf(root), published: record?.value })
  } catch (error) {
    signal.throwIfAborted()
    return withoutUndefined({ keyName, key: keys.textOf(root), error: messageOf(error) })
  }
}

type Maybe<T> = { readonly [K in keyof T]: T[K] | undefined }

function withoutUndefined(name: Maybe<NameReport> & Pick<NameReport, 'keyName'>): NameReport {
  const known = Object.entries(name).filter(([, value]) => value !== undefined)
  return Object.fromEntries(known) as unknown as NameReport
}

/** @returns the CID in the version it is written in, since it may be kept as CIDv0 */
function parseRootPath(path: string): CID {
  const text = path.replace(/^\/ipfs\//, '').replace(/\/$/, '')
  const cid = parseCid(text)
  if (cid === undefined) {
    throw new Failure('NAME_INVALID', `"${path}" is neither a CID nor /ipfs/<cid>`)
  }
  return text.startsWith('Qm') ? CID.parse(text) : cid
}
