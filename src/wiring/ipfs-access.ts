import { createHash } from 'node:crypto'
import type { BlobCache } from '../cache/blob-cache.ts'
import { EMBEDDED } from '../content/embedded/source.ts'
import { failover } from '../content/failover.ts'
import type { ContentSource } from '../content/source.ts'
import { RememberingResolver } from '../naming/remembering-resolver.ts'
import type { NameResolver } from '../naming/resolver.ts'
import type { IpfsAccess } from '../repository/content-names.ts'
import { LayoutBlobs } from '../repository/ipfs/layout-blobs.ts'
import { LayoutReferrers } from '../repository/ipfs/layout-referrers.ts'
import { Layouts } from '../repository/ipfs/layouts.ts'
import type { ParsedManifests } from '../repository/parsed-manifests.ts'
import { ownLookups, ownNames, type OwnRoots } from '../roots/names/own-names.ts'
import { storageTreeParts } from '../repository/storage-tree/parts.ts'
import { countedNames, lookupEvents, sourceEvents } from './events.ts'
import type { BackendParts } from './repositories.ts'
import { buildLookups, type LocatedSource } from './sources.ts'

/** ms that a search for a layout or name goes on after everyone's time was up. */
const LAYOUT_LINGER = 60_000

export interface AccessParts extends BackendParts {
  readonly sources: readonly ContentSource[]
  readonly cache: BlobCache
  readonly parsed: ParsedManifests
  /** The roots that are pushed to here, whose names lead to what they are here; undefined where there are none. */
  readonly own?: OwnRoots | undefined
  /** False where answers say nothing of paths and CIDs. */
  readonly tellsPaths?: boolean
}

export interface BuiltAccess extends IpfsAccess {
  readonly content: ContentSource
  /** Resolves when what was known before the start is known again; until then no name is resolved. */
  readonly restored: Promise<void>
  readonly remembering: RememberingResolver
}

/**
 * What is on IPFS, as some of the sources have it. What they say of paths and names is remembered apart from what
 * others say, so that nothing one may not be asked for is learned through another.
 *
 * @param allowed names or kinds of sources, and `dns` for DNSLink look-ups of our own; undefined: all
 */
export function buildAccess(parts: AccessParts, allowed: readonly string[] | undefined): BuiltAccess {
  const { config, store, metrics, logger, cache, parsed } = parts
  const located = parts.located.filter((one) => isAllowed(one, allowed))
  const names = new Set(located.map(({ name }) => name))
  const hint = config.public ? undefined : 'Public gateways are asked only with --public'
  const content = failover(
    parts.sources.filter(({ name }) => names.has(name)),
    {
      hedgeDelay: config.hedgeDelay,
      events: sourceEvents(parts),
      ...(hint === undefined || allowed !== undefined ? {} : { hint }),
    },
  )
  const dns = allowed === undefined || allowed.includes('dns')
  const lookups = buildLookups(config, located, store?.ipnsRecords, dns)
  const { own } = parts
  const remembering = new RememberingResolver({
    lookups: own === undefined ? lookups : ownLookups(lookups, own),
    settings: {
      ttlFloor: config.ipnsTtlMin,
      ttlCeiling: config.ipnsTtlMax,
      staleFor: config.ipnsStale,
    },
    ...(store === undefined ? {} : { memory: store.rootsOf(idOf(allowed)) }),
    observe: lookupEvents(metrics, logger),
    warn: (message) => logger.warn(message),
  })
  const restored = remembering.restore()
  restored.catch(() => undefined)
  const resolver = afterwards(restored, remembering)
  const layouts = new Layouts({
    content,
    maxIndexSize: config.maxIndexSize,
    localSources: new Set([EMBEDDED]),
    lingerMs: LAYOUT_LINGER,
    ...(store === undefined ? {} : { records: store.layouts }),
  })
  const { tellsPaths = true } = parts
  return {
    ipfs: {
      layouts,
      blobs: new LayoutBlobs(content, cache, {
        records: store?.layoutBlobs,
        access: idOf(allowed),
        tellsPaths,
      }),
      parsed,
      referrers: new LayoutReferrers(LAYOUT_LINGER),
      storageTree: storageTreeParts(content, cache, { lingerMs: LAYOUT_LINGER, access: idOf(allowed) }),
      maxManifestSize: config.maxManifestSize,
      tellsPaths,
    },
    resolver: countedNames(own === undefined ? resolver : ownNames(resolver, own), metrics),
    content,
    restored,
    remembering,
  }
}

function afterwards(restored: Promise<void>, resolver: NameResolver): NameResolver {
  return {
    async resolve(name, options) {
      await restored
      return resolver.resolve(name, options)
    },
  }
}

function isAllowed({ name, kind }: LocatedSource, allowed: readonly string[] | undefined): boolean {
  return allowed === undefined || allowed.includes(name) || allowed.includes(kind)
}

/** Of a set of sources, in the store; '' for all of them. */
function idOf(allowed: readonly string[] | undefined): string {
  if (allowed === undefined) return ''
  const text = [...new Set(allowed)].sort().join(' ')
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
