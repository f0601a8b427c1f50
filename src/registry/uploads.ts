import { Failure, isFailure } from '../errors.ts'
import { hasBody, lengthOf, streamBody } from '../http/request-body.ts'
import { parseDigest, type Digest } from '../reference/digest.ts'
import type { UploadPart, UploadStatus } from '../roots/root-store.ts'
import { parseContentRange } from './content-range.ts'
import { sendEmpty } from './empty-answer.ts'
import type { MountOrigins } from './mount-origins.ts'
import type { PushRequest } from './push.ts'
import { checkEncoding } from './request-content.ts'

/** Bytes: parts of less are taken too, but leaves are of this size, so that parts of whole ones are stored at once. */
const CHUNK = 2 ** 20
/** ms for giving up an upload whose client has left. */
const GIVING_UP = 10_000

/** end-4a, 4b, 4c and 11: begin an upload, push a blob in one request, or take it from another repository. */
export async function serveUploads(
  push: PushRequest,
  query: URLSearchParams,
  origins: MountOrigins,
): Promise<void> {
  const { repository, exchange, res } = push
  const mount = digestIn(query, 'mount')
  const digest = digestIn(query, 'digest')
  checkAlgorithm(query.get('digest-algorithm'))
  if (mount !== undefined && (await mounted(push, mount, query.get('from') ?? undefined, origins))) {
    sendBlobCreated(push, mount)
    return
  }
  if (digest !== undefined) {
    await pushWhole(push, digest)
    return
  }
  const upload = await repository.beginUpload(exchange.signal)
  describeUpload(push, upload)
  res.setHeader('OCI-Chunk-Min-Length', CHUNK)
  sendEmpty(push, 202)
}

/** end-5, 6, 13 and 14: what is done with an upload that has begun. */
export async function serveUpload(push: PushRequest, id: string, query: URLSearchParams): Promise<void> {
  try {
    await answerUpload(push, id, query)
  } catch (error) {
    // Whoever has sent the wrong part is told which is the right one (distribution-spec, "Pushing a blob in chunks").
    const { size } = (isFailure(error, 'RANGE_INVALID') ? (error.detail ?? {}) : {}) as { size?: unknown }
    if (typeof size === 'number') describeUpload(push, { id, size })
    throw error
  }
}

async function answerUpload(push: PushRequest, id: string, query: URLSearchParams): Promise<void> {
  const { req, repository, exchange } = push
  const { signal } = exchange
  switch (req.method) {
    case 'PATCH': {
      const part = partOf(push)
      describeUpload(
        push,
        part === undefined
          ? await repository.uploadStatus(id, signal)
          : await repository.appendUpload(id, part, signal),
      )
      sendEmpty(push, 202)
      return
    }
    case 'PUT': {
      const digest = digestIn(query, 'digest')
      if (digest === undefined) {
        throw new Failure(
          'DIGEST_INVALID',
          'an upload is ended with the digest of all of it: ?digest=sha256:…',
        )
      }
      const size = await repository.finishUpload(id, digest, partOf(push), signal)
      push.changed({ kind: 'blob-pushed', name: push.name, digest, size })
      sendBlobCreated(push, digest)
      return
    }
    case 'DELETE':
      await repository.cancelUpload(id, signal)
      sendEmpty(push, 204)
      return
    default:
      describeUpload(push, await repository.uploadStatus(id, signal))
      sendEmpty(push, 204)
  }
}

async function mounted(
  { name, repository, exchange: { signal }, changed }: PushRequest,
  digest: Digest,
  from: string | undefined,
  origins: MountOrigins,
): Promise<boolean> {
  try {
    for (const origin of await origins.of(digest, from, signal)) {
      const size = await repository.mountBlob(digest, origin.repository, signal)
      if (size === undefined) continue
      changed({ kind: 'blob-mounted', name, digest, size, from: origin.name })
      return true
    }
  } catch (error) {
    // It can be pushed all the same.
    if (!isFailure(error, 'NAME_INVALID', 'NAME_UNKNOWN', 'BLOB_UNKNOWN', 'DENIED')) throw error
  }
  return false
}

async function pushWhole(push: PushRequest, digest: Digest): Promise<void> {
  const { repository, exchange } = push
  const part = partOf(push)
  const { id } = await repository.beginUpload(exchange.signal)
  const size = await repository
    .finishUpload(id, digest, part, exchange.signal)
    .catch(async (error: unknown) => {
      // Nobody has been told of it, so nobody goes on with it.
      await repository.cancelUpload(id, AbortSignal.timeout(GIVING_UP)).catch(() => undefined)
      throw error
    })
  push.changed({ kind: 'blob-pushed', name: push.name, digest, size })
  sendBlobCreated(push, digest)
}

/** What comes with the request; undefined where it has no body. @throws Failure CHUNK_INVALID, ENCODING_UNSUPPORTED */
function partOf({ req, res, exchange }: PushRequest): UploadPart | undefined {
  checkEncoding(req)
  const announced = hasBody(req) ? lengthOf(req) : 0
  const range = parseContentRange(req.headers['content-range'], announced)
  if (!hasBody(req)) return undefined
  async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    exchange.receiving()
    yield* streamBody(req, res, exchange)
    exchange.received()
  }
  return { start: range?.start, length: announced ?? range?.length, bytes: bytes() }
}

function digestIn(query: URLSearchParams, parameter: 'mount' | 'digest'): Digest | undefined {
  const text = query.get(parameter)
  return text === null ? undefined : parseDigest(text)
}

/** Both algorithms of a {@link Digest} are taken whatever is said here; others are refused at once. */
function checkAlgorithm(algorithm: string | null): void {
  if (algorithm === null || algorithm === 'sha256' || algorithm === 'sha512') return
  throw new Failure('DIGEST_INVALID', `"${algorithm.slice(0, 100)}" is neither sha256 nor sha512`)
}

function describeUpload({ res, name }: PushRequest, { id, size }: UploadStatus): void {
  res.setHeader('Location', `/v2/${name}/blobs/uploads/${id}`)
  // The last byte, so one and none look the same.
  res.setHeader('Range', `0-${Math.max(0, size - 1)}`)
  res.setHeader('Docker-Upload-UUID', id)
}

function sendBlobCreated(push: PushRequest, digest: Digest): void {
  push.res.setHeader('Location', `/v2/${push.name}/blobs/${digest}`)
  push.res.setHeader('Docker-Content-Digest', digest)
  sendEmpty(push, 201)
}
