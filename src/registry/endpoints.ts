import type { IncomingMessage, ServerResponse } from 'node:http'
import { Failure, isFailure } from '../errors.ts'
import { exchangeOf, type Exchange } from '../http/exchange.ts'
import { gatewaysIn } from '../http/via.ts'
import type { Asked } from '../repository/repositories.ts'
import type { Repository } from '../repository/repository.ts'
import { authorize, type Access } from './access.ts'
import { serveBlob } from './blobs.ts'
import { serveCatalog, type Catalog } from './catalog.ts'
import { setCommonHeaders } from './headers.ts'
import { sendJson } from './json.ts'
import { ManifestRoom } from './manifest-room.ts'
import { serveManifest } from './manifests.ts'
import type { PushOptions } from './push.ts'
import { serveReferrers } from './referrers.ts'
import { namespaceOf, parseRoute, type Route } from './route.ts'
import { serveTags } from './tags.ts'
import { serveWriting } from './writing.ts'

/** Finds the repository for the `<name>` of a request. @throws Failure NAME_INVALID, NAME_UNKNOWN, DENIED */
export type FindRepository = (name: string, asked: Asked) => Repository

export interface RegistryOptions {
  readonly find: FindRepository
  /** Who may do what; undefined where everybody may do everything. */
  readonly access?: Access | undefined
  /** Registry that this listener is a mirror of; undefined for one that is addressed as itself. */
  readonly mirrorOf?: string | undefined
  /** ms until a request to a mirror is answered 504, so that the runtime goes on to the registry itself. */
  readonly mirrorTimeout: number
  /** What this gateway calls itself in `Via`. */
  readonly gateway: string
  /** Undefined where this gateway is read-only. */
  readonly push?: PushOptions | undefined
  /** Undefined where repositories are not listed. */
  readonly catalog?: Catalog | undefined
}

/** Answers one request. */
export type ServeRegistry = (req: IncomingMessage, res: ServerResponse) => Promise<void>

type ReadRoute = Extract<Route, { kind: 'manifest' | 'blob' | 'tags' | 'referrers' }>

/** The registry protocol. */
export function createRegistryEndpoints(options: RegistryOptions): ServeRegistry {
  const room = new ManifestRoom(options.push?.maxManifestSize ?? 0)
  return (req, res) => serve(req, res, options, room)
}

/** From the URL to the endpoint. */
async function serve(
  req: IncomingMessage,
  res: ServerResponse,
  options: RegistryOptions,
  room: ManifestRoom,
): Promise<void> {
  const exchange = exchangeOf(req)
  const route = parseRoute(req.url ?? '/')
  setCommonHeaders(res, exchange.id)
  note(exchange, route)
  const method = req.method ?? ''
  const stated = namespaceOf(req.url ?? '/')
  const namespace = stated ?? options.mirrorOf
  // Nothing is done, and nothing told, before it is known that the client may.
  const { access } = options
  const principal = access && (await authorize(access, req, res, route, namespace))
  exchange.isPrivate = access !== undefined && isPrivate(access, route, namespace)
  const reads = method === 'GET' || method === 'HEAD'
  if (!reads || route.kind === 'uploads' || route.kind === 'upload') {
    const asked = { namespace, passed: passedBy(req, options) }
    return serveWriting({ req, res, exchange, route, asked, principal }, options.push, room)
  }
  if (route.kind === 'ping') {
    // Clients give this answer 15 s, so it waits for nothing.
    sendJson(res, exchange, 'application/json', {}, method === 'HEAD')
    return
  }
  if (route.kind === 'catalog') {
    if (options.catalog === undefined) throw new Failure('ROUTE_UNKNOWN', 'repositories are not listed here')
    return serveCatalog(res, exchange, options.catalog, principal, route.query, method === 'HEAD')
  }
  const asked = { namespace, passed: passedBy(req, options) }
  if (namespace === undefined) {
    return answer(req, res, exchange, route, (name) => options.find(name, asked))
  }
  exchange.answerWithin(options.mirrorTimeout)
  try {
    await answer(req, res, exchange, route, (name) => {
      const repository = options.find(name, asked)
      if (stated !== undefined) res.setHeader('OCI-Namespace', stated)
      return repository
    })
  } catch (error) {
    throw mirrorFailure(error)
  }
}

/** Whether the answer depends on who asks. */
function isPrivate(access: Access, route: Route, namespace: string | undefined): boolean {
  return 'name' in route ? access.isPrivate({ name: route.name, namespace }) : route.kind === 'catalog'
}

/** Gateways that a request has passed. @throws Failure LOOP_DETECTED */
function passedBy(req: IncomingMessage, options: RegistryOptions): readonly string[] {
  const passed = gatewaysIn(req.headers.via)
  checkLoop(passed, options.gateway)
  return passed
}

async function answer(
  req: IncomingMessage,
  res: ServerResponse,
  exchange: Exchange,
  route: ReadRoute,
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
  facts.route = route.kind === 'uploads' ? 'upload' : route.kind
  if ('name' in route) facts.name = route.name
  if (route.kind === 'manifest') {
    facts.reference = route.reference.kind === 'tag' ? route.reference.tag : route.reference.digest
  } else if (route.kind === 'blob' || route.kind === 'referrers') facts.reference = route.digest
}
