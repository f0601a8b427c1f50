import type { IncomingMessage, ServerResponse } from 'node:http'
import { Failure } from '../errors.ts'
import { exchangeOf, type Exchange } from '../http/exchange.ts'
import type { Repository } from '../repository/repository.ts'
import { serveBlob } from './blobs.ts'
import { setCommonHeaders } from './headers.ts'
import { sendJson } from './json.ts'
import { serveManifest } from './manifests.ts'
import { serveReferrers } from './referrers.ts'
import { parseRoute, type Route } from './route.ts'
import { serveTags } from './tags.ts'

/** Finds the repository for the `<name>` of a request. @throws Failure NAME_INVALID, NAME_UNKNOWN, DENIED */
export type FindRepository = (name: string) => Repository

/** The registry protocol: from the URL to the endpoint. Reading only; what writes gets 405. */
export async function serveRegistry(
  req: IncomingMessage,
  res: ServerResponse,
  find: FindRepository,
): Promise<void> {
  const exchange = exchangeOf(req)
  const route = parseRoute(req.url ?? '/')
  setCommonHeaders(res, exchange.id)
  note(exchange, route)
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    res.setHeader('Allow', 'GET, HEAD')
    throw new Failure('UNSUPPORTED', `this gateway is read-only: ${req.method ?? ''} is not supported`)
  }
  const head = req.method === 'HEAD'
  switch (route.kind) {
    case 'ping':
      // Clients give this answer 15 s, so it waits for nothing.
      sendJson(res, exchange, 'application/json', {}, head)
      return
    case 'manifest':
      return serveManifest(req, res, exchange, find(route.name), route.reference)
    case 'blob':
      return serveBlob(req, res, exchange, find(route.name), route.digest)
    case 'tags':
      return serveTags(res, exchange, find(route.name), route.name, route.query, head)
    case 'referrers':
      return serveReferrers(res, exchange, find(route.name), route.digest, route.query, head)
    case 'upload':
      throw new Failure('UPLOAD_UNKNOWN', 'this gateway is read-only: nothing is being uploaded')
  }
}

function note(exchange: Exchange, route: Route): void {
  const { facts } = exchange
  facts.route = route.kind
  if (route.kind === 'ping') return
  facts.name = route.name
  if (route.kind === 'manifest') {
    facts.reference = route.reference.kind === 'tag' ? route.reference.tag : route.reference.digest
  } else if (route.kind === 'blob' || route.kind === 'referrers') facts.reference = route.digest
}
