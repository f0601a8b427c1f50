import type { Config } from '../config/config.ts'
import { EMBEDDED } from '../content/embedded/source.ts'
import { Failure } from '../errors.ts'
import { keepInEmbedded, keepInKubo, type KeptRoots } from './kept-roots.ts'
import type { RunningRootStore } from './roots.ts'
import type { LocatedSource } from './sources.ts'
import type { OpenStore } from './store.ts'

/**
 * The store that pushes go to: the one that the settings name, else the Kubo that is named as a source, else the
 * embedded one.
 *
 * @throws Failure SETTINGS_INVALID when there is no such store, or when nothing would be read from it
 */
export function openRootStore(
  config: Config,
  located: readonly LocatedSource[],
  store: OpenStore | undefined,
): RunningRootStore {
  return pushTarget(config) === 'kubo'
    ? openKubo(config, located, store)
    : openEmbedded(config, located, store)
}

/** Which kind of store pushes go to. */
export function pushTarget(config: Pick<Config, 'pushTo' | 'sources'>): 'embedded' | 'kubo' {
  if (config.pushTo !== 'auto') return config.pushTo
  return config.sources.some(({ kind, optional }) => kind === 'kubo' && !optional) ? 'kubo' : EMBEDDED
}

/**
 * As {@link openRootStore}, where only what is kept is looked at and let go of: whether pushing is on, and what is read
 * from where, does not matter.
 */
export function openKeptRoots(
  config: Config,
  located: readonly LocatedSource[],
  store: OpenStore | undefined,
): KeptRoots {
  if (pushTarget(config) === 'kubo') return openKubo(config, located, store)
  if (store !== undefined) return keepInEmbedded(config, store)
  throw new Failure('SETTINGS_INVALID', 'with --store memory nothing is kept; name the folder of a store')
}

function openEmbedded(
  config: Config,
  located: readonly LocatedSource[],
  store: OpenStore | undefined,
): RunningRootStore {
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
  return { ...keepInEmbedded(config, store), source: source.name }
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
