import { Failure } from '../errors.ts'
import { lengthOf, readBody } from '../http/request-body.ts'
import { isTag } from '../reference/tag.ts'
import type { ManifestToPut } from '../repository/writable-repository.ts'
import { sendEmpty } from './empty-answer.ts'
import { setContentPath } from './headers.ts'
import type { ManifestRoom } from './manifest-room.ts'
import type { PushRequest } from './push.ts'
import { checkEncoding, mediaTypeOf } from './request-content.ts'
import type { Reference } from './route.ts'

/** Tags that one push may set; clients may rely on ten. */
const MOST_TAGS = 100

/** end-7: a manifest under a tag, or by its digest with any number of tags. */
export async function putManifest(
  push: PushRequest,
  reference: Reference,
  query: URLSearchParams,
  room: ManifestRoom,
): Promise<void> {
  const { req, res, exchange, name, repository } = push
  const names = namesOf(reference, query)
  checkEncoding(req)
  const { size, ...put } = await room.hold(lengthOf(req), async () => {
    exchange.receivingWhole()
    const bytes = await readBody(req, res, exchange, room.largest, () => tooLarge(room.largest))
    exchange.received()
    const manifest = { bytes, mediaType: mediaTypeOf(req), ...names }
    return { ...(await repository.putManifest(manifest, exchange.signal)), size: bytes.length }
  })
  const { digest, mediaType, contentPath } = put
  for (const tag of names.tags.length === 0 ? [undefined] : names.tags) {
    push.changed({ kind: 'manifest-pushed', name, digest, mediaType, size, tag, contentPath })
  }
  res.setHeader('Location', `/v2/${name}/manifests/${digest}`)
  res.setHeader('Docker-Content-Digest', digest)
  if (put.subject !== undefined) res.setHeader('OCI-Subject', put.subject)
  if (reference.kind === 'digest' && names.tags.length > 0) res.setHeader('OCI-Tag', names.tags.join(', '))
  setContentPath(res, contentPath)
  sendEmpty(push, 201)
}

/** @throws Failure TAG_INVALID, TAGS_TOO_MANY */
function namesOf(reference: Reference, query: URLSearchParams): Pick<ManifestToPut, 'digest' | 'tags'> {
  const tags = reference.kind === 'tag' ? [reference.tag] : [...new Set(query.getAll('tag'))]
  const wrong = tags.find((tag) => !isTag(tag))
  if (wrong !== undefined) {
    throw new Failure(
      'TAG_INVALID',
      `"${wrong.slice(0, 160)}" is no tag: letters, digits, ".", "_" and "-", at most 128 of them`,
    )
  }
  if (tags.length > MOST_TAGS) {
    throw new Failure('TAGS_TOO_MANY', `${tags.length} tags in one push; at most ${MOST_TAGS} are taken`)
  }
  return { digest: reference.kind === 'digest' ? reference.digest : undefined, tags }
}

function tooLarge(limit: number): Failure {
  return new Failure('MANIFEST_TOO_LARGE', `manifests of more than ${limit} bytes are not taken here`)
}
