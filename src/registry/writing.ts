import type { IncomingMessage, ServerResponse } from 'node:http'
import { Failure } from '../errors.ts'
import type { Exchange } from '../http/exchange.ts'
import { hasBody } from '../http/request-body.ts'
import type { Asked } from '../repository/repositories.ts'
import type { WritableRepository } from '../repository/writable-repository.ts'
import type { Access } from './access.ts'
import { deleteBlob, deleteManifest } from './deletions.ts'
import { allowedMethods } from './methods.ts'
import type { PushOptions, PushRequest } from './push.ts'
import { putManifest } from './put-manifest.ts'
import type { Route } from './route.ts'
import { serveUpload, serveUploads } from './uploads.ts'
import { refuseBrowsers } from './write-guard.ts'

export interface WritingOptions {
  /** Undefined where this gateway is read-only. */
  readonly push?: PushOptions | undefined
  readonly access?: Access | undefined
}

/** What changes something, and all about uploads: from the request to the endpoint. The body is not asked for before it is known that it is wanted. */
export async function serveWriting(
  req: IncomingMessage,
  res: ServerResponse,
  exchange: Exchange,
  route: Route,
  asked: () => Asked,
  { push, access }: WritingOptions,
): Promise<void> {
  const method = req.method ?? ''
  const reads = method === 'GET' || method === 'HEAD'
  if (push !== undefined && access === undefined && !reads) refuseBrowsers(req, push.hosts)
  const named = 'name' in route ? route.name : undefined
  const repository = named === undefined ? undefined : push?.find(named, asked())
  if (reads && repository === undefined) {
    throw new Failure('UPLOAD_UNKNOWN', 'nothing is pushed here, so nothing is being uploaded')
  }
  const allowed = allowedMethods(route, repository === undefined ? undefined : push)
  if (!allowed.includes(method)) {
    res.setHeader('Allow', allowed.join(', '))
    throw new Failure('UNSUPPORTED', refusal(method, route, push, repository))
  }
  if (push === undefined || repository === undefined || named === undefined) return
  if (!hasBody(req)) exchange.received()
  const request: PushRequest = { req, res, exchange, name: named, repository }
  switch (route.kind) {
    case 'uploads':
      return serveUploads(request, route.query, async (name) => {
        const origin = { kind: 'blob', name, action: 'pull' } as const
        if (access !== undefined && !(await access.allows(req, origin))) return undefined
        return push.find(name, asked())
      })
    case 'upload':
      return serveUpload(request, route.id, route.query)
    case 'manifest':
      return method === 'DELETE'
        ? deleteManifest(request, route.reference)
        : putManifest(request, route.reference, route.query, push.maxManifestSize)
    case 'blob':
      return deleteBlob(request, route.digest)
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
