import type { Config, ConfiguredUpstream, ConfiguredUpstreamHost } from '../config/config.ts'
import { Failure } from '../errors.ts'
import { outcomeOf } from '../observability/outcome.ts'
import { expand, parseNamePattern } from '../reference/name-pattern.ts'
import { repositorySpellings, type UpstreamNames } from '../repository/name-route.ts'
import { KnownImages } from '../repository/upstream/known-images.ts'
import { Upstream, type UpstreamParts } from '../repository/upstream/upstream.ts'
import { createCredentials } from '../upstream/auth/credentials.ts'
import { failoverRegistry } from '../upstream/failover.ts'
import { createRegistryHost, type RegistryHost } from '../upstream/host.ts'
import { sourceEvents } from './events.ts'
import type { AccessParts } from './ipfs-access.ts'

/** What this gateway is called by those whom it asks. */
export interface Identity {
  /** In `Via`: one word, of this process alone. */
  readonly via: string
  readonly userAgent: string
}

export interface Upstreams {
  readonly byName: ReadonlyMap<string, Upstream>
  /** Of all upstreams, in the order of the settings. */
  readonly hosts: readonly RegistryHost[]
  close(): Promise<void>
}

/** ms that asking an upstream goes on after everyone's time was up. */
const LINGER = 30_000

/** The configured upstreams, each with its hosts. */
export function buildUpstreams(parts: AccessParts, identity: Identity): Upstreams {
  const { config, store, cache, parsed, metrics } = parts
  const shared: UpstreamParts = {
    cache,
    parsed,
    known: new KnownImages(
      store === undefined ? undefined : { tags: store.upstreamTags, contents: store.upstreamContents },
    ),
    maxManifestSize: config.maxManifestSize,
    tagTtl: config.tagTtl,
    tagStale: config.tagStale,
    lingerMs: LINGER,
    onStale: (upstream) => metrics.staleUpstreams.add({ upstream }),
  }
  const hosts: RegistryHost[] = []
  const byName = new Map<string, Upstream>()
  for (const setting of config.upstreams) {
    const own = setting.hosts.map((host, index) => buildHost(parts, setting, host, index, identity))
    hosts.push(...own)
    byName.set(setting.name, buildUpstream(parts, setting, own, shared))
  }
  return {
    byName,
    hosts,
    async close() {
      await Promise.all(hosts.map((host) => host.destroy()))
    },
  }
}

/** Every name that a request may use for an upstream. */
export function upstreamNames(config: Config): UpstreamNames {
  const byAlias = new Map<string, string>()
  for (const { name, aliases } of config.upstreams)
    for (const one of [name, ...aliases]) byAlias.set(one, name)
  return { byAlias, fallback: config.defaultUpstream }
}

function buildUpstream(
  parts: AccessParts,
  { name, allow, deny, redirectClients }: ConfiguredUpstream,
  hosts: readonly RegistryHost[],
  shared: UpstreamParts,
): Upstream {
  const registry = failoverRegistry(hosts, {
    name,
    hedgeDelay: parts.config.hedgeDelay,
    events: sourceEvents(parts),
  })
  return new Upstream({ name, registry, redirectClients, excluded: exclusion(name, allow, deny) }, shared)
}

/** Why a repository is not served: the rule that says so. */
function exclusion(
  registry: string,
  allow: readonly string[],
  deny: readonly string[],
): (repository: string) => string | undefined {
  const allowed = allow.map(parseNamePattern)
  const denied = deny.map(parseNamePattern)
  return (repository) => {
    const spellings = repositorySpellings(registry, repository)
    const rule = denied.find((pattern) => spellings.some((name) => pattern.match(name) !== undefined))
    if (rule !== undefined) return `it is on the deny list ("${rule.text}")`
    const listed = allowed.length === 0 || allowed.some((pattern) => pattern.match(repository) !== undefined)
    return listed ? undefined : 'it is not on the allow list'
  }
}

function buildHost(
  { config, logger, metrics, tracing }: AccessParts,
  upstream: ConfiguredUpstream,
  host: ConfiguredUpstreamHost,
  index: number,
  identity: Identity,
): RegistryHost {
  const { url, credentials, ca, rewrites, privateRedirects, concurrency, rate } = host
  const name = index === 0 ? upstream.name : `${upstream.name}/${new URL(url).host}`
  return createRegistryHost({
    ...identity,
    name,
    url,
    credentials:
      credentials === undefined ? undefined : createCredentials(credentials, { host: new URL(url).host }),
    ca,
    proxy: config.proxy,
    allowPrivateRedirects: privateRedirects,
    rewrite: rewriteBy(rewrites),
    concurrency,
    queue: config.sourceQueue,
    rate,
    // Longer than any client waits, since asking goes on for the next try; but a host that has hung is let go.
    answerTimeout: 2 * config.answerTimeout,
    stallTimeout: config.stallTimeout,
    requestHeaders: tracing && (() => tracing.headers()),
    events: {
      warn: (message, fields) => logger.warn(message, fields),
      answered: (kind, status) => {
        if (kind !== 'token') return
        const failure = status === 200 ? undefined : new Failure('CONTENT_UNAVAILABLE', String(status))
        metrics.upstreamTokens.add({ source: name, outcome: outcomeOf(failure) })
      },
    },
  })
}

function rewriteBy(rewrites: ConfiguredUpstreamHost['rewrites']): (repository: string) => string {
  const rules = rewrites.map(({ from, to }) => ({ pattern: parseNamePattern(from), to }))
  return (repository) => {
    for (const { pattern, to } of rules) {
      const captures = pattern.match(repository)
      if (captures !== undefined) return expand(to, captures)
    }
    return repository
  }
}
