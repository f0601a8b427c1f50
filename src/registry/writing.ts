import type { IncomingMessage, ServerResponse } from 'node:http'
import { Failure } from '../errors.ts'
import type { Exchange } from '../http/exchange.ts'
import { hasBody } from '../http/request-body.ts'
import type { Asked } from '../repository/repositories.ts'
import type { WritableRepository } from '../repository/writable-repository.ts'
import { actionOf, type Principal } from './access.ts'
import { deleteBlob, deleteManifest } from './deletions.ts'
import type { ManifestRoom } from './manifest-room.ts'
import { allowedMethods } from './methods.ts'
import { MountOrigins } from './mount-origins.ts'
import type { PushOptions, PushRequest } from './push.ts'
import { putManifest } from './put-manifest.ts'
import type { Route } from './route.ts'
import { serveUpload, serveUploads } from './uploads.ts'
import { refuseBrowsers } from './write-guard.ts'

/** A request that may write, as far as is known of it before anything is looked up. */
export interface WriteRequest {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly exchange: Exchange
  readonly route: Route
  readonly asked: Asked
  /** Undefined where everybody may do everything. */
  readonly principal: Principal | undefined
}

/**
 * What changes something, and all about uploads: from the request to its endpoint. The body is not asked for before it
 * is known that it is wanted.
 *
 * @param push undefined where this gateway is read-only
 */
export async function serveWriting(
  request: WriteRequest,
  push: PushOptions | undefined,
  room: ManifestRoom,
): Promise<void> {
  const { req, res, exchange, route, asked, principal } = request
  const method = req.method ?? ''
  const reads = method === 'GET' || method === 'HEAD'
  if (push !== undefined && principal === undefined && !reads) refuseBrowsers(req, push.hosts)
  const name = 'name' in route ? route.name : undefined
  const repository =
    name === undefined ? undefined : await push?.find(name, asked, actionOf(method, route), exchange.signal)
  if (reads && repository === undefined) {
    throw new Failure('UPLOAD_UNKNOWN', 'nothing is pushed here, so nothing is being uploaded')
  }
  const allowed = allowedMethods(route, repository === undefined ? undefined : push)
  if (!allowed.includes(method)) {
    res.setHeader('Allow', allowed.join(', '))
    throw new Failure('UNSUPPORTED', refusal(method, route, push, repository))
  }
  if (push === undefined || repository === undefined || name === undefined) return
  if (!hasBody(req)) exchange.received()
  const changed: PushRequest['changed'] = (event) => push.onEvent?.(event, req)
  const pushed: PushRequest = { req, res, exchange, name, repository, changed }
  switch (route.kind) {
    case 'uploads':
      return serveUploads(pushed, route.query, new MountOrigins(push, asked, principal))
    case 'upload':
      return serveUpload(pushed, route.id, route.query)
    case 'manifest':
      return method === 'DELETE'
        ? deleteManifest(pushed, route.reference)
        : putManifest(pushed, route.reference, route.query, room)
    case 'blob':
      return deleteBlob(pushed, route.digest)
  }
}

/** Why a method is not allowed, and what to do about it. */
function refusal(
  method: string,
  route: Route,
  push: PushOptions | undefined,
  repository: WritableRepository | undefined,
): string {
  if (push === undefined) {
    return `this gateway is read-only: ${method} is not supported; start it with --push to let it take images`
  }
  if ('name' in route && repository === undefined) {
    return (
      `nothing is pushed to "${route.name.slice(0, 255)}" here: it stands for content, or for an image of another ` +
      'registry; take a name without either in front, as team/app'
    )
  }
  if (method === 'DELETE' && (route.kind === 'manifest' || route.kind === 'blob')) {
    return 'nothing is deleted here: start the gateway with --delete to let clients do it'
  }
  return `${method} is not supported here`
}
