import type { Config } from '../config/config.ts'
import { EMBEDDED } from '../content/embedded/source.ts'
import { Failure } from '../errors.ts'
import { createEmbeddedRoots } from '../roots/embedded/embedded-roots.ts'
import { createKuboRootStore } from '../roots/kubo/kubo-root-store.ts'
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
  return pushTarget(config) === 'kubo' ? openKubo(config, located) : openEmbedded(config, located, store)
}

/** Which kind of store pushes go to. */
export function pushTarget(config: Pick<Config, 'pushTo' | 'sources'>): 'embedded' | 'kubo' {
  if (config.pushTo !== 'auto') return config.pushTo
  return config.sources.some(({ kind, optional }) => kind === 'kubo' && !optional) ? 'kubo' : EMBEDDED
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
  const roots = createEmbeddedRoots({
    store,
    uploadTimeout: config.uploadTimeout,
    history: config.rootHistory,
  })
  return {
    store: roots,
    kubo: undefined,
    source: source.name,
    sweep: (signal) => roots.sweep(signal),
    close: () => roots.close(),
  }
}

function openKubo(config: Config, located: readonly LocatedSource[]): RunningRootStore {
  const source = located.find(({ kind }) => kind === 'kubo')
  if (source === undefined) {
    throw new Failure(
      'SETTINGS_INVALID',
      'push-to: no Kubo to push to; name one: --source kubo=http://127.0.0.1:5001',
    )
  }
  const kubo = { baseUrl: source.url, dispatcher: source.dispatcher, headers: source.setting.headers }
  const store = createKuboRootStore({
    kubo,
    uploadTimeout: config.uploadTimeout,
    history: config.rootHistory,
  })
  return {
    store,
    kubo,
    source: source.name,
    sweep: (signal) => store.sweep(signal),
    close: () => Promise.resolve(),
  }
}
