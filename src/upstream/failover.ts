import { Attempts, type SourceEvents } from '../content/attempts.ts'
import { openContinued } from '../content/continued-file.ts'
import type { Registry, RegistryCall } from './registry.ts'

export interface RegistryFailoverOptions {
  /** The upstream's own name. */
  readonly name: string
  /** ms after which the next host is asked as well. */
  readonly hedgeDelay: number
  readonly events?: SourceEvents
}

/**
 * A registry and its fall-backs as one. They are asked in the order given; the next one when one fails or does not have
 * it, or as well when one is slow. A blob that breaks goes on at the next from the same byte. When all fail, what the
 * first one says counts: it is the registry itself, so its "not there" is final, and a fall-back's is not.
 */
export function failoverRegistry(hosts: readonly Registry[], options: RegistryFailoverOptions): Registry {
  const { name, hedgeDelay, events } = options
  const attempts = new Attempts(hosts, { hedgeDelay, settles: () => false, events })
  const conclude = (failures: readonly (readonly [Registry, unknown])[]): unknown =>
    (failures.find(([host]) => host === hosts[0]) ?? failures[0])?.[1]
  const first = async <T>(
    { signal, passed }: RegistryCall,
    ask: (host: Registry, call: RegistryCall) => Promise<T>,
  ): Promise<T> =>
    (await attempts.first({ signal, ask: (host, own) => ask(host, { signal: own, passed }), conclude })).value
  return {
    name,
    manifest: (repository, reference, { limit, ...call }) =>
      first(call, (host, own) => host.manifest(repository, reference, { limit, ...own })),
    headManifest: (repository, reference, call) =>
      first(call, (host, own) => host.headManifest(repository, reference, own)),
    openBlob: (repository, digest, { range, signal, passed }) =>
      openContinued({
        attempts,
        open: (host, wanted, own) =>
          host.openBlob(repository, digest, { signal: own, range: wanted, passed }),
        range,
        signal,
        conclude,
      }),
    blobSize: (repository, digest, call) =>
      first(call, (host, own) => host.blobSize(repository, digest, own)),
    blobLocation: (repository, digest, call) =>
      first(call, (host, own) => host.blobLocation(repository, digest, own)),
    tags: (repository, query, call) => first(call, (host, own) => host.tags(repository, query, own)),
    referrers: (repository, subject, call) =>
      first(call, (host, own) => host.referrers(repository, subject, own)),
    async healthy(signal) {
      const states = await Promise.all(hosts.map((host) => host.healthy(signal)))
      return states.includes(true)
    },
  }
}
