import type { IncomingMessage, ServerResponse } from 'node:http'
import { CID } from 'multiformats/cid'
import type { HeldBlockReader, HeldBlocks } from '../content/dag/held-blocks.ts'
import { type ResolvedDagPath, resolveDagPath } from '../content/dag/path.ts'
import type { ContentPath } from '../content/source.ts'
import { Failure, isFailure } from '../errors.ts'
import { noneMatch } from '../http/conditions.ts'
import { exchangeOf, type Exchange } from '../http/exchange.ts'
import { parseCid } from '../reference/cid.ts'
import { type MutableName, parseRepositoryName } from '../reference/name.ts'
import { sendBlock } from './block.ts'
import { carEtag, parseDagQuery, sendCar } from './car.ts'
import { chooseFormat, type Format } from './format.ts'
import { type Description, describe } from './headers.ts'
import { type HeldRecords, sendRecord } from './record.ts'
import type { TrustlessRoute } from './route.ts'

/** What a trustless gateway serves, and to what bounds. */
export interface TrustlessGateway {
  /** What is held here. */
  readonly held: HeldBlocks
  /** The same, and blocks that others have to be asked for; undefined where nothing is fetched for others. */
  readonly relayed: HeldBlocks | undefined
  readonly records: HeldRecords
  /** @throws Failure DENIED */
  readonly check: {
    path(path: ContentPath): void
    /** Where an allowed path leads. */
    target(path: ContentPath): void
    name(name: MutableName): void
  }
  /** Answers under way at once. */
  readonly maxRequests: number
}

/** Answers one request. */
export type ServeTrustless = (
  req: IncomingMessage,
  res: ServerResponse,
  route: TrustlessRoute,
) => Promise<void>

/**
 * The trustless part of an IPFS gateway (trustless gateway specification): blocks, CARs and IPNS records. Files are
 * not given out as such, so that nobody's web page is ever served from here.
 */
export function createTrustlessEndpoints(gateway: TrustlessGateway): ServeTrustless {
  let underWay = 0
  return async (req, res, route) => {
    const exchange = exchangeOf(req)
    exchange.facts.name = route.path
    res.setHeader('X-Request-Id', exchange.id)
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', 'GET, HEAD')
      throw new Failure('UNSUPPORTED', `content is only read here: ${req.method ?? ''} is not supported`)
    }
    if (underWay >= gateway.maxRequests) {
      const text = `${gateway.maxRequests} requests for blocks are under way, which is the limit of this gateway`
      throw new Failure('TOO_MANY_REQUESTS', text)
    }
    underWay += 1
    res.once('close', () => (underWay -= 1))
    const format = chooseFormat(route.query, req.headers.accept)
    exchange.facts.route = format.kind
    if (route.space === 'ipns' || format.kind === 'ipns-record') {
      await serveRecord(gateway, req, res, exchange, route, format)
    } else {
      await serveContent(gateway, req, res, exchange, route, format)
    }
  }
}

async function serveContent(
  gateway: TrustlessGateway,
  req: IncomingMessage,
  res: ServerResponse,
  exchange: Exchange,
  route: TrustlessRoute,
  format: Exclude<Format, { kind: 'ipns-record' }>,
): Promise<void> {
  const path = { root: rootOf(route.id), segments: route.segments }
  gateway.check.path(path)
  const cachedOnly = /(?:^|[\s,])only-if-cached(?:$|[\s,])/i.test(req.headers['cache-control'] ?? '')
  const relayed = cachedOnly ? undefined : gateway.relayed
  const blocks = (relayed ?? gateway.held).reader()
  try {
    const resolved = await resolveDagPath(blocks, path, { signal: exchange.signal })
    for (const root of resolved.cids) gateway.check.target({ root, segments: [] })
    await send(req, res, exchange, route, format, blocks, resolved)
  } catch (error) {
    if (relayed !== undefined || !isFailure(error, 'CONTENT_UNAVAILABLE') || exchange.signal.aborted)
      throw error
    if (cachedOnly) throw new Failure('NOT_CACHED', error.message, { cause: error })
    throw new Failure('NOT_HELD', `${error.message}; this gateway fetches nothing for others`, {
      cause: error,
    })
  } finally {
    await blocks.close()
  }
}

async function send(
  req: IncomingMessage,
  res: ServerResponse,
  exchange: Exchange,
  route: TrustlessRoute,
  format: Exclude<Format, { kind: 'ipns-record' }>,
  blocks: HeldBlockReader,
  resolved: ResolvedDagPath,
): Promise<void> {
  const { cid } = resolved
  const query = format.kind === 'car' ? parseDagQuery(route.query, format.dups) : undefined
  const block = await blocks.find(cid, { signal: exchange.signal })
  if (block === undefined) throw new Failure('CONTENT_UNAVAILABLE', `block ${cid.toString()} is not held`)
  const description: Description = {
    route,
    format,
    etag: query === undefined ? `${cid.toString()}.raw` : carEtag(route, query, format, cid.toString()),
    filename: `${cid.toString()}.${query === undefined ? 'bin' : 'car'}`,
    roots: resolved.cids.map(String),
  }
  const { etag } = description
  const { fetched = false } = block
  exchange.facts.source = fetched ? 'relay' : 'disk'
  exchange.facts.cached = !fetched
  if (noneMatch(req.headers['if-none-match'], etag)) {
    describe(res, description)
    res.statusCode = 304
    res.end()
  } else if (query === undefined) {
    await sendBlock(req, res, exchange, block, { etag, describe: () => describe(res, description) })
  } else if (req.method === 'HEAD') {
    describe(res, description)
    res.setHeader('Accept-Ranges', 'none')
    res.end()
  } else {
    await sendCar(res, exchange, blocks, resolved, { query, describe: () => describe(res, description) })
  }
}

async function serveRecord(
  gateway: TrustlessGateway,
  req: IncomingMessage,
  res: ServerResponse,
  exchange: Exchange,
  route: TrustlessRoute,
  format: Format,
): Promise<void> {
  if (route.space !== 'ipns' || format.kind !== 'ipns-record' || route.segments.length > 0) {
    throw new Failure(
      'NOT_ACCEPTABLE',
      'records are at /ipns/<key>?format=ipns-record, and nothing else is there',
    )
  }
  const name = parseRepositoryName(`ipns/${route.id}`)
  if (name.kind !== 'ipns' || name.mutable.kind !== 'key') {
    throw new Failure('NAME_INVALID', `"${route.id.slice(0, 160)}" is no IPNS key, so it has no record`)
  }
  gateway.check.name(name.mutable)
  await sendRecord(req, res, exchange, { route, format, key: name.mutable.key, records: gateway.records })
}

/** A CIDv0 stays one, since that is how blocks that link to others name them. */
function rootOf(text: string): CID {
  const cid = parseCid(text)
  if (cid === undefined) throw new Failure('NAME_INVALID', `"${text.slice(0, 160)}" is no CID`)
  return text.startsWith('Qm') ? CID.parse(text) : cid
}
