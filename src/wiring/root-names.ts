import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { createDispatcher } from '../content/transport/dispatcher.ts'
import { endpointAt } from '../content/transport/endpoint.ts'
import { Failure, messageOf } from '../errors.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import { outcomeOf } from '../observability/outcome.ts'
import type { KuboAddress } from '../publish/kubo/rpc.ts'
import { DelegatedRouters } from '../roots/names/embedded/delegated-routers.ts'
import { EmbeddedNames } from '../roots/names/embedded/embedded-names.ts'
import { KuboNames } from '../roots/names/kubo/kubo-names.ts'
import type { NamePublisher } from '../roots/names/name-publisher.ts'
import type { OwnRoots } from '../roots/names/own-names.ts'
import { RootKeys, type NamedRoot } from '../roots/names/root-keys.ts'
import type { RootNameEvents } from '../roots/names/root-name-state.ts'
import { RootPublisher } from '../roots/names/root-publisher.ts'
import type { RootVersions } from '../roots/root-store.ts'
import type { OpenStore } from './store.ts'

/** The root that ordinary names are in. */
export const HOME = 'home'

export interface RootNamesParts {
  readonly config: Config
  readonly versions: Pick<RootVersions, 'head' | 'history'>
  /** Where roots are kept in a Kubo, that one; undefined: in the embedded store. */
  readonly kubo: KuboAddress | undefined
  /** Needed where there is no Kubo. */
  readonly store: OpenStore | undefined
  readonly metrics: Metrics
  readonly logger: Logger
}

export interface BuiltRootNames {
  /** For {@link ownNames} and {@link ownLookups}. */
  readonly own: OwnRoots
  /** Undefined where names are not published. */
  readonly publisher: RootPublisher | undefined
  readonly keys: RootKeys
  /** Find out which keys the roots have, as far as that can be known soon, and begin to publish. Never throws. */
  start(signal: AbortSignal): Promise<void>
  /** Bring the metrics up to date that tell of time. */
  measure(): void
  /** Publish what waits, until the signal aborts. Never throws. */
  stop(signal: AbortSignal): Promise<void>
}

/** ms that the start waits for a Kubo to say which keys it has. */
const KEYS_WITHIN = 2000

/** Roots that are public, each with its key. */
export function namedRoots(config: Config): NamedRoot[] {
  const more = config.root.filter(({ name }) => name !== HOME)
  const home = config.root.find(({ name }) => name === HOME)
  return [{ root: HOME, key: home?.key }, ...more.map(({ name, key }) => ({ root: name, key }))]
}

/** The IPNS names of the roots. Nothing is published before the publisher is started. */
export function buildRootNames(parts: RootNamesParts): BuiltRootNames {
  const { config, versions, store, metrics, logger } = parts
  const keys = new RootKeys({
    roots: namedRoots(config),
    publisher: namePublisher(parts),
    memory: store?.rootKeys,
    warn: (message) => logger.warn(message),
  })
  const publisher = config.publishNames
    ? new RootPublisher({
        keys,
        versions,
        lifetime: config.ipnsLifetime,
        ttl: config.ipnsTtl,
        events: rootNameEvents(metrics, logger),
      })
    : undefined
  return {
    own: { keys, versions },
    keys,
    publisher,
    async start(signal) {
      await keys.learn(AbortSignal.any([signal, AbortSignal.timeout(KEYS_WITHIN)]))
      publisher?.start()
    },
    measure: () => measure(publisher, metrics, Date.now()),
    stop: async (signal) => publisher?.stop(signal),
  }
}

function namePublisher({ config, kubo, store }: RootNamesParts): NamePublisher {
  if (kubo !== undefined) return new KuboNames(kubo)
  if (store === undefined) throw new Failure('INTERNAL', 'roots are kept neither in a Kubo nor in a store')
  const routers = config.ipnsRouter.map((url) =>
    endpointAt(url, {
      name: `router:${new URL(url).host}`,
      dispatcher: createDispatcher({ socketPath: undefined, proxy: config.proxy }),
    }),
  )
  return new EmbeddedNames({
    folder: join(store.folder, 'keys'),
    records: store.ipnsRecords,
    routers: new DelegatedRouters(routers),
  })
}

export function rootNameEvents(metrics: Metrics, logger: Logger): RootNameEvents {
  return {
    published(root, key, { value, sequence }, again) {
      metrics.rootPublications.add({ root, outcome: outcomeOf(undefined) })
      logger[again ? 'debug' : 'info']('the name of a root was published', {
        root,
        name: `/ipns/${key}`,
        path: value,
        ...(sequence === undefined ? {} : { sequence: String(sequence) }),
      })
    },
    failed(root, error, tries, wait) {
      metrics.rootPublications.add({ root, outcome: outcomeOf(error) })
      const again = { tries, again_ms: wait }
      logger.warn('the name of a root could not be published', { root, error: messageOf(error), ...again })
    },
  }
}

function measure(publisher: RootPublisher | undefined, metrics: Metrics, now: number): void {
  for (const { root, at, behindSince } of publisher?.states() ?? []) {
    if (at !== undefined) metrics.rootNameAge.set({ root }, (now - at) / 1000)
    metrics.rootNameBehind.set({ root }, behindSince === undefined ? 0 : (now - behindSince) / 1000)
  }
}
