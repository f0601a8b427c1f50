import type { Config } from '../config/config.ts'
import { EMBEDDED } from '../content/embedded/source.ts'
import { Failure } from '../errors.ts'
import type { CacheParts } from './blob-cache.ts'
import type { AccessParts } from './ipfs-access.ts'
import { keepInEmbedded, keepInKubo, type KeptRoots } from './kept-roots.ts'
import { buildPrivateRoot } from './private-root.ts'
import type { OnRootVersion, RunningRootStore } from './root-repositories.ts'
import { buildRoots, type BuiltRoots } from './roots.ts'
import type { LocatedSource } from './sources.ts'
import type { OpenStore } from './store.ts'

/**
 * The roots that are pushed to: in the store that the settings name, else in the Kubo that is named as a source, else in
 * the embedded store.
 *
 * @param isPrivate undefined where everybody may pull everything
 * @throws Failure SETTINGS_INVALID when there is no such store, or when nothing would be read from it; STORE_FAILED
 */
export async function openRoots(
  parts: AccessParts & Pick<CacheParts, 'openSums'> & { readonly onVersion: OnRootVersion },
  isPrivate: ((name: string) => boolean) | undefined,
): Promise<BuiltRoots> {
  const { config, located, store } = parts
  if (pushTarget(config) === 'kubo') {
    const running = openKubo(config, located, store)
    return buildRoots({ ...parts, running, privateRoot: undefined, isPrivate })
  }
  const { source, embedded } = findEmbedded(located, store)
  const privateStore = isPrivate === undefined ? undefined : await embedded.openPrivate()
  const kept = keepInEmbedded(config, embedded, privateStore, parts.openSums)
  const privateRoot =
    privateStore === undefined || kept.privately === undefined
      ? undefined
      : buildPrivateRoot(parts, privateStore, { ...kept.privately, source })
  return buildRoots({ ...parts, running: { ...kept, source }, privateRoot, isPrivate })
}

/** Which kind of store pushes go to. */
export function pushTarget(config: Pick<Config, 'pushTo' | 'sources'>): 'embedded' | 'kubo' {
  if (config.pushTo !== 'auto') return config.pushTo
  return config.sources.some(({ kind, optional }) => kind === 'kubo' && !optional) ? 'kubo' : EMBEDDED
}

/**
 * What is kept, where it is only looked at and let go of: whether pushing is on, and what is read from where, does not
 * matter.
 *
 * @throws Failure SETTINGS_INVALID where nothing is kept, STORE_FAILED
 */
export async function openKeptRoots(
  config: Config,
  located: readonly LocatedSource[],
  store: OpenStore | undefined,
): Promise<KeptRoots> {
  if (pushTarget(config) === 'kubo') return openKubo(config, located, store)
  if (store !== undefined) {
    return keepInEmbedded(config, store, (await store.hasPrivate()) ? await store.openPrivate() : undefined)
  }
  throw new Failure('SETTINGS_INVALID', 'with --store memory nothing is kept; name the folder of a store')
}

function findEmbedded(
  located: readonly LocatedSource[],
  store: OpenStore | undefined,
): { readonly source: string; readonly embedded: OpenStore } {
  if (store === undefined) {
    throw new Failure('SETTINGS_INVALID', 'push: with --store memory there is nowhere to keep what is pushed')
  }
  const source = located.find(({ kind }) => kind === 'embedded')
  if (source === undefined) {
    throw new Failure(
      'SETTINGS_INVALID',
      'push: what is pushed to the embedded store is read from there: add --source embedded, or push to a Kubo (--push-to kubo)',
    )
  }
  return { source: source.name, embedded: store }
}

function openKubo(
  config: Config,
  located: readonly LocatedSource[],
  store: OpenStore | undefined,
): RunningRootStore {
  const source = located.find(({ kind }) => kind === 'kubo')
  if (source === undefined) {
    throw new Failure(
      'SETTINGS_INVALID',
      'push-to: no Kubo to push to; name one: --source kubo=http://127.0.0.1:5001',
    )
  }
  const kubo = { baseUrl: source.url, dispatcher: source.dispatcher, headers: source.setting.headers }
  return { ...keepInKubo(config, kubo, store), source: source.name }
}
