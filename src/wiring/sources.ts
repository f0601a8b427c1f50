import type { Dispatcher } from 'undici'
import type { Config, ConfiguredSource } from '../config/config.ts'
import { endpointOfMultiaddr } from '../config/multiaddr.ts'
import { limitedBlocks } from '../content/dag/limited-blocks.ts'
import { createEmbeddedSource, EMBEDDED } from '../content/embedded/source.ts'
import { rawBlocks } from '../content/gateway/raw-blocks.ts'
import { createGatewaySource } from '../content/gateway/source.ts'
import { kuboBlocks } from '../content/kubo/blocks.ts'
import { discoverKubo } from '../content/kubo/discover.ts'
import { createKuboSource } from '../content/kubo/source.ts'
import { limited, Slots } from '../content/limited.ts'
import type { ContentSource } from '../content/source.ts'
import { createDispatcher } from '../content/transport/dispatcher.ts'
import { endpointAt } from '../content/transport/endpoint.ts'
import { createTrustedGatewaySource } from '../content/trusted-gateway/source.ts'
import type { BlockReader } from '../content/unixfs/blocks.ts'
import { Failure } from '../errors.ts'
import { parseDnsServer } from '../naming/dns-server.ts'
import { DnsLinkLookup } from '../naming/dnslink-lookup.ts'
import { GatewayLookup } from '../naming/gateway-lookup.ts'
import { KeptLookup } from '../naming/kept-lookup.ts'
import type { KeptRecords } from '../naming/kept-records.ts'
import { KuboLookup } from '../naming/kubo-lookup.ts'
import type { NameLookup } from '../naming/resolver.ts'
import type { OpenStore } from './store.ts'

/** A source that is known where it is. */
export interface LocatedSource {
  readonly setting: ConfiguredSource
  readonly kind: 'embedded' | 'kubo' | 'gateway' | 'trusted-gateway'
  readonly name: string
  readonly url: string
  readonly dispatcher: Dispatcher
  /** Headers of each single request to it. */
  readonly requestHeaders?: () => Readonly<Record<string, string>>
}

/**
 * The configured sources with their addresses, a Kubo looked for where none is named.
 *
 * @throws Failure CONTENT_UNAVAILABLE when a source that is not optional can't be found
 */
export async function locateSources(config: Config, signal: AbortSignal): Promise<LocatedSource[]> {
  const located: LocatedSource[] = []
  const names = new Set<string>()
  for (const setting of config.sources) {
    const place = await locate(config, setting, signal)
    if (place === undefined) continue
    const base = place.kind === 'embedded' || place.kind === 'kubo' ? place.kind : nameOf(place)
    let name = base
    for (let count = 2; names.has(name); count += 1) name = `${base}-${count}`
    names.add(name)
    located.push({
      ...place,
      setting,
      name,
      dispatcher: createDispatcher({ socketPath: place.socketPath, proxy: config.proxy }),
    })
  }
  return located
}

interface Place {
  readonly kind: LocatedSource['kind']
  readonly url: string
  readonly socketPath: string | undefined
}

async function locate(
  config: Config,
  setting: ConfiguredSource,
  signal: AbortSignal,
): Promise<Place | undefined> {
  const { kind, url, socketPath, optional } = setting
  if (kind === 'embedded') return { kind, url: '', socketPath: undefined }
  if (url !== undefined) return { kind, url, socketPath }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(2_000)])
  const found = await discoverKubo({
    repo: config.kuboRepository,
    endpointOf: endpointOfMultiaddr,
    signal: limit,
  }).catch(() => undefined)
  if (found !== undefined || optional) return found
  throw new Failure(
    'CONTENT_UNAVAILABLE',
    `no Kubo was found by ${config.kuboRepository}/api; start it, or name its address: --source kubo=http://127.0.0.1:5001`,
  )
}

function nameOf(place: Place): string {
  return `${place.kind}:${new URL(place.url).host}`
}

/** The implementations behind the located sources, each with its bounded queue. */
export function buildSources(
  config: Config,
  located: readonly LocatedSource[],
  store: OpenStore | undefined,
): ContentSource[] {
  const sources: ContentSource[] = []
  for (const source of located) {
    const made = build(config, source, store)
    if (made === undefined) continue
    const slots = new Slots(made.name, source.setting.concurrency, config.sourceQueue)
    sources.push(source.kind === 'embedded' ? made : limited(made, slots))
  }
  return sources
}

function build(
  config: Config,
  source: LocatedSource,
  store: OpenStore | undefined,
): ContentSource | undefined {
  const endpoint = endpointOf(config, source)
  switch (source.kind) {
    case 'embedded':
      return store === undefined ? undefined : createEmbeddedSource(store)
    case 'kubo':
      return createKuboSource({
        ...endpoint,
        rpcUrl: source.url,
        // Faster, but another address: only for a node that was found, not for one that was named by its address.
        ...(source.setting.url === undefined
          ? { gatewayUrlOf: (address: string) => endpointOfMultiaddr(address)?.url }
          : {}),
      })
    case 'gateway':
      return createGatewaySource({
        ...endpoint,
        baseUrl: source.url,
        // Of what is not to be kept, nothing is noted either.
        notes: source.setting.cache ? store?.recentBlocks : undefined,
      })
    case 'trusted-gateway':
      return createTrustedGatewaySource({ ...endpoint, baseUrl: source.url })
  }
}

/** Blocks of the sources that give single ones, in their order. */
export function buildBlockReaders(config: Config, located: readonly LocatedSource[]): BlockReader[] {
  return located.flatMap((source) => {
    const endpoint = endpointOf(config, source)
    const slots = new Slots(source.name, source.setting.concurrency, config.sourceQueue)
    if (source.kind === 'kubo') return [limitedBlocks(kuboBlocks({ ...endpoint, rpcUrl: source.url }), slots)]
    if (source.kind === 'gateway') return [limitedBlocks(rawBlocks(endpointAt(source.url, endpoint)), slots)]
    return []
  })
}

/**
 * Who can resolve mutable names: the store first, then in the order of the sources.
 *
 * @param dns whether DNSLinks are looked up from here
 */
export function buildLookups(
  config: Config,
  located: readonly LocatedSource[],
  records: KeptRecords | undefined,
  dns: boolean,
): NameLookup[] {
  const lookups: NameLookup[] = []
  if (records !== undefined && located.some(({ kind }) => kind === 'embedded')) {
    lookups.push(new KeptLookup(EMBEDDED, records))
  }
  for (const source of located) {
    const endpoint = endpointOf(config, source)
    if (source.kind === 'kubo') lookups.push(new KuboLookup({ ...endpoint, rpcUrl: source.url }))
    if (source.kind === 'gateway') {
      const keep = records === undefined ? {} : { records }
      lookups.push(new GatewayLookup({ ...endpoint, baseUrl: source.url, ...keep }))
    }
  }
  if (!dns) return lookups
  const servers = config.dnsServer.map((server) => parseDnsServer(server))
  lookups.push(new DnsLinkLookup(servers.length === 0 ? {} : { servers }))
  return lookups
}

function endpointOf(config: Config, source: LocatedSource) {
  return {
    name: source.name,
    dispatcher: source.dispatcher,
    headers: source.setting.headers,
    requestHeaders: source.requestHeaders,
    // Longer than any client waits, since the search goes on for the next try; but a source that has hung is let go.
    answerTimeout: 2 * config.answerTimeout,
    stallTimeout: config.stallTimeout,
  }
}
