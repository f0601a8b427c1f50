import type { IncomingMessage, ServerResponse } from 'node:http'
import { Failure, isFailure } from '../errors.ts'
import { exchangeOf, type Exchange } from '../http/exchange.ts'
import { gatewaysIn } from '../http/via.ts'
import type { Asked } from '../repository/repositories.ts'
import type { Repository } from '../repository/repository.ts'
import { serveBlob } from './blobs.ts'
import { setCommonHeaders } from './headers.ts'
import { sendJson } from './json.ts'
import { serveManifest } from './manifests.ts'
import { serveReferrers } from './referrers.ts'
import { namespaceOf, parseRoute, type Route } from './route.ts'
import { serveTags } from './tags.ts'

/** Finds the repository for the `<name>` of a request. @throws Failure NAME_INVALID, NAME_UNKNOWN, DENIED */
export type FindRepository = (name: string, asked: Asked) => Repository

export interface RegistryOptions {
  readonly find: FindRepository
  /** Registry that this listener is a mirror of; undefined for one that is addressed as itself. */
  readonly mirrorOf?: string | undefined
  /** ms until a request to a mirror is answered 504, so that the runtime goes on to the registry itself. */
  readonly mirrorTimeout: number
  /** What this gateway calls itself in `Via`. */
  readonly gateway: string
}

/** The registry protocol: from the URL to the endpoint. Reading only; what writes gets 405. */
export async function serveRegistry(
  req: IncomingMessage,
  res: ServerResponse,
  options: RegistryOptions,
): Promise<void> {
  const exchange = exchangeOf(req)
  const route = parseRoute(req.url ?? '/')
  setCommonHeaders(res, exchange.id)
  note(exchange, route)
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    res.setHeader('Allow', 'GET, HEAD')
    throw new Failure('UNSUPPORTED', `this gateway is read-only: ${req.method ?? ''} is not supported`)
  }
  if (route.kind === 'ping') {
    // Clients give this answer 15 s, so it waits for nothing.
    sendJson(res, exchange, 'application/json', {}, req.method === 'HEAD')
    return
  }
  const passed = gatewaysIn(req.headers.via)
  checkLoop(passed, options.gateway)
  const stated = namespaceOf(req.url ?? '/')
  const namespace = stated ?? options.mirrorOf
  if (namespace === undefined) {
    return answer(req, res, exchange, route, (name) => options.find(name, { namespace, passed }))
  }
  exchange.answerWithin(options.mirrorTimeout)
  try {
    await answer(req, res, exchange, route, (name) => {
      const repository = options.find(name, { namespace, passed })
      if (stated !== undefined) res.setHeader('OCI-Namespace', stated)
      return repository
    })
  } catch (error) {
    throw mirrorFailure(error)
  }
}

async function answer(
  req: IncomingMessage,
  res: ServerResponse,
  exchange: Exchange,
  route: Exclude<Route, { kind: 'ping' }>,
  find: (name: string) => Repository,
): Promise<void> {
  const head = req.method === 'HEAD'
  switch (route.kind) {
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

function checkLoop(passed: readonly string[], own: string): void {
  if (!passed.includes(own)) return
  const through = passed.length === 1 ? 'directly' : `through ${passed.length - 1} other gateways`
  throw new Failure('LOOP_DETECTED', `this gateway is its own upstream, ${through}: the request came back`)
}

/** A runtime that is asked to wait asks its mirror again and again; one that hears of no time goes on to the registry. */
function mirrorFailure(error: unknown): unknown {
  if (!isFailure(error, 'UPSTREAM_LIMITED')) return error
  return new Failure('CONTENT_UNAVAILABLE', error.message, { cause: error })
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
