import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { until } from '../fixtures/blob-store.ts'
import { CONTENT_PATH } from '../fixtures/memory-registry.ts'
import { digestOfBytes } from '../fixtures/layouts.ts'
import { imageToPush, PushClient } from '../fixtures/push-client.ts'
import { startPushRegistry, type PushRegistry } from '../fixtures/push-registry.ts'
import { errorOf } from '../fixtures/raw-request.ts'

const BYTES = Buffer.from('0123456789')
const DIGEST = digestOfBytes(BYTES)
const OTHER = digestOfBytes(Buffer.from('something else'))

let gateway: PushRegistry
let client: PushClient

beforeEach(async () => {
  gateway = await startPushRegistry()
  client = new PushClient(gateway.port)
})

afterEach(async () => {
  expect(gateway.defects).toEqual([])
  await gateway.close()
})

/** The bytes that the repository has under a digest. */
async function pulled(digest: string, from = client): Promise<string | number> {
  const { status, body } = await from.send('GET', `blobs/${digest}`)
  return status === 200 ? body.toString() : status
}

describe('an upload', () => {
  test.each(['blobs/uploads/', 'blobs/uploads'])('begins at %s', async (path) => {
    const answer = await client.send('POST', path)
    expect(answer.status).toBe(202)
    const { location = '', 'docker-upload-uuid': id } = answer.headers
    expect(location).toMatch(/^\/v2\/team\/app\/blobs\/uploads\/[^/?]+$/)
    expect(answer.headers).toMatchObject({
      range: '0-0',
      'content-length': '0',
      'oci-chunk-min-length': '1048576',
      'docker-distribution-api-version': 'registry/2.0',
    })
    expect(location.endsWith(`/${String(id)}`)).toBe(true)
  })

  test('takes parts, tells how far it is, and ends', async () => {
    const location = await client.begin()
    for (const [range, body, last] of [
      ['0-3', '0123', '0-3'],
      ['4-4', '4', '0-4'],
    ] as const) {
      const headers = { 'content-range': range }
      const answer = await client.send('PATCH', location, { body, headers })
      expect(answer.status).toBe(202)
      expect(answer.headers).toMatchObject({ location, range: last, 'content-length': '0' })
    }
    for (const method of ['GET', 'HEAD']) {
      const status = await client.send(method, location)
      expect(status.status).toBe(204)
      expect(status.headers).toMatchObject({ location, range: '0-4' })
      expect(status.headers['content-length']).toBeUndefined()
    }
    expect((await client.send('PATCH', location, { body: '5678' })).headers.range).toBe('0-8')
    const headers = { 'content-range': '9-9' }
    const end = await client.send('PUT', `${location}?digest=${DIGEST}`, { body: '9', headers })
    expect(end.status).toBe(201)
    expect(end.headers).toMatchObject({
      location: `/v2/team/app/blobs/${DIGEST}`,
      'docker-content-digest': DIGEST,
      'content-length': '0',
    })
    expect(await pulled(DIGEST)).toBe('0123456789')
    expect((await client.send('GET', location)).status).toBe(404)
  })

  test('ends without a body', async () => {
    const location = await client.begin()
    await client.send('PATCH', location, { body: BYTES })
    const end = await client.send('PUT', `${location}?digest=${encodeURIComponent(DIGEST)}`)
    expect(end.status).toBe(201)
    expect(await pulled(DIGEST)).toBe('0123456789')
  })

  test.each(['PATCH', 'PUT'])('%s with a part from elsewhere is told where to go on', async (method) => {
    const location = await client.begin()
    await client.send('PATCH', location, { body: '01234' })
    for (const range of ['0-4', '6-10']) {
      const request = { body: '56789', headers: { 'content-range': range } }
      const answer = await client.send(method, `${location}?digest=${DIGEST}`, request)
      expect([answer.status, errorOf(answer).code]).toEqual([416, 'RANGE_INVALID'])
      expect(answer.headers).toMatchObject({ location, range: '0-4' })
    }
    expect((await client.send('PUT', `${location}?digest=${DIGEST}`, { body: '56789' })).status).toBe(201)
  })

  test.each([
    ['bytes 0-9', '0123456789'],
    ['bytes=0-9', '0123456789'],
    ['0-9/10', '0123456789'],
    ['0-', '0123456789'],
    ['-9', '0123456789'],
    ['9-0', '0123456789'],
    ['0-8', '0123456789'],
    ['0-10', '0123456789'],
    ['0-9007199254740993', '0123456789'],
    ['0-9', ''],
    ['', '0123456789'],
  ])('the Content-Range "%s" for "%s" is refused', async (range, body) => {
    const location = await client.begin()
    for (const method of ['PATCH', 'PUT']) {
      const request = { body, headers: { 'content-range': range } }
      const answer = await client.send(method, `${location}?digest=${DIGEST}`, request)
      expect([answer.status, errorOf(answer).code]).toEqual([400, 'BLOB_UPLOAD_INVALID'])
    }
    expect((await client.send('GET', location)).headers.range).toBe('0-0')
  })

  test('of other bytes than announced is refused, and over', async () => {
    const location = await client.begin()
    const answer = await client.send('PUT', `${location}?digest=${OTHER}`, { body: BYTES })
    expect([answer.status, errorOf(answer).code]).toEqual([400, 'DIGEST_INVALID'])
    expect(await pulled(OTHER)).toBe(404)
    expect((await client.send('GET', location)).status).toBe(404)
  })

  test.each(['', '?digest=', '?digest=sha256:abc', '?digest=md5:d41d8cd98f00b204e9800998ecf8427e'])(
    'does not end with "%s"',
    async (query) => {
      const location = await client.begin()
      const answer = await client.send('PUT', location + query, { body: BYTES })
      expect([answer.status, errorOf(answer).code]).toEqual([400, 'DIGEST_INVALID'])
      expect((await client.send('GET', location)).headers.range).toBe('0-0')
    },
  )

  test('is given up', async () => {
    const location = await client.begin()
    const answer = await client.send('DELETE', location)
    expect([answer.status, answer.body.length]).toEqual([204, 0])
    for (const method of ['GET', 'PATCH', 'PUT', 'DELETE']) {
      const after = await client.send(method, `${location}?digest=${DIGEST}`)
      expect([after.status, errorOf(after).code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN'])
    }
  })

  test('is unknown in another repository', async () => {
    const location = (await client.begin()).replace('/team/app/', '/team/other/')
    expect((await client.send('GET', location)).status).toBe(404)
  })

  test.each(['PATCH', 'PUT', 'POST'])('%s of an encoded body is refused', async (method) => {
    const location = method === 'POST' ? 'blobs/uploads/' : await client.begin()
    const headers = { 'content-encoding': 'gzip' }
    const answer = await client.send(method, `${location}?digest=${DIGEST}`, { body: BYTES, headers })
    expect([answer.status, errorOf(answer).code]).toEqual([415, 'UNSUPPORTED'])
    const identity = { 'content-encoding': 'Identity' }
    const taken = await client.send(method, `${location}?digest=${DIGEST}`, {
      body: BYTES,
      headers: identity,
    })
    expect(taken.status).toBe(method === 'PATCH' ? 202 : 201)
  })

  test('takes sha512, and no algorithm that is not known', async () => {
    const sha512 = digestOfBytes(BYTES, 'sha512')
    const { status, headers } = await client.send('POST', 'blobs/uploads/?digest-algorithm=sha512')
    expect(status).toBe(202)
    const end = await client.send('PUT', `${String(headers.location)}?digest=${sha512}`, { body: BYTES })
    expect([end.status, end.headers['docker-content-digest']]).toEqual([201, sha512])
    const refused = await client.send('POST', 'blobs/uploads/?digest-algorithm=md5')
    expect([refused.status, errorOf(refused).code]).toEqual([400, 'DIGEST_INVALID'])
  })
})

describe('a blob in one request', () => {
  test.each([
    ['some bytes', BYTES],
    ['none', Buffer.alloc(0)],
  ])('of %s', async (_, bytes) => {
    const digest = digestOfBytes(bytes)
    const answer = await client.pushBlob(digest, bytes)
    expect(answer.status).toBe(201)
    expect(answer.headers).toMatchObject({
      location: `/v2/team/app/blobs/${digest}`,
      'docker-content-digest': digest,
    })
    expect(await pulled(digest)).toBe(bytes.toString())
  })

  test('leaves nothing when it is refused', async () => {
    const answer = await client.pushBlob(OTHER, BYTES)
    expect([answer.status, errorOf(answer).code]).toEqual([400, 'DIGEST_INVALID'])
    const wrong = await client.pushBlob('sha256:abc', BYTES)
    expect([wrong.status, errorOf(wrong).code]).toEqual([400, 'DIGEST_INVALID'])
    const request = { body: BYTES, headers: { 'content-range': '5-14' } }
    const late = await client.send('POST', `blobs/uploads/?digest=${DIGEST}`, request)
    expect(late.status).toBe(416)
    const { blobs, uploads } = gateway.registry.repository('team/app')
    expect([blobs.size, uploads.count]).toEqual([0, 0])
  })
})

describe('a mount', () => {
  const from = 'some/other'

  beforeEach(async () => {
    await new PushClient(gateway.port, from).pushBlob(DIGEST, BYTES)
  })

  test.each([`from=${from}`, 'from=some%2Fother', ''])('with "%s" finds the blob', async (query) => {
    const answer = await client.send('POST', `blobs/uploads/?mount=${DIGEST}&${query}`)
    expect(answer.status).toBe(201)
    expect(answer.headers).toMatchObject({
      location: `/v2/team/app/blobs/${DIGEST}`,
      'docker-content-digest': DIGEST,
    })
    expect(await pulled(DIGEST)).toBe('0123456789')
  })

  test.each([
    [DIGEST, 'from=nobody'],
    [DIGEST, 'from=content/x'],
    [OTHER, `from=${from}`],
    [OTHER, ''],
  ])('of %s with "%s" begins an upload instead', async (digest, query) => {
    const answer = await client.send('POST', `blobs/uploads/?mount=${digest}&${query}`)
    expect(answer.status).toBe(202)
    const location = String(answer.headers.location)
    expect((await client.send('GET', location)).status).toBe(204)
    expect(await pulled(digest)).toBe(404)
  })

  test('of no digest is refused', async () => {
    const answer = await client.send('POST', `blobs/uploads/?mount=abc&from=${from}`)
    expect([answer.status, errorOf(answer).code]).toEqual([400, 'DIGEST_INVALID'])
  })
})

describe('a manifest', () => {
  const image = imageToPush()

  beforeEach(async () => {
    for (const [digest, bytes] of image.blobs) await client.pushBlob(digest, bytes)
  })

  test('by tag', async () => {
    const answer = await client.putManifest('v1', image.bytes, `${image.mediaType}; charset=utf-8`)
    expect(answer.status).toBe(201)
    expect(answer.headers).toMatchObject({
      location: `/v2/team/app/manifests/${image.digest}`,
      'docker-content-digest': image.digest,
      'x-ipfs-path': CONTENT_PATH,
      'content-length': '0',
    })
    expect(answer.headers).not.toHaveProperty('oci-tag')
    expect(answer.headers).not.toHaveProperty('oci-subject')
    for (const reference of ['v1', image.digest]) {
      const { headers, body } = await client.send('GET', `manifests/${reference}`)
      expect(headers['content-type']).toBe(image.mediaType)
      expect(body.equals(image.bytes)).toBe(true)
    }
  })

  test('by digest with tags, each once', async () => {
    const tags = Array.from({ length: 12 }, (_, n) => `v${n}`)
    const query = [...tags, 'v3'].map((tag) => `tag=${tag}`).join('&')
    const answer = await client.putManifest(`${image.digest}?${query}`, image.bytes, image.mediaType)
    expect([answer.status, answer.headers['oci-tag']]).toEqual([201, tags.join(', ')])
    const list = await client.send('GET', 'tags/list')
    expect(JSON.parse(list.body.toString())).toEqual({ name: 'team/app', tags: [...tags].sort() })
  })

  test('by tag takes no other tags', async () => {
    const answer = await client.putManifest('v1?tag=v2', image.bytes, image.mediaType)
    expect([answer.status, answer.headers['oci-tag']]).toEqual([201, undefined])
    expect((await client.send('GET', 'manifests/v2')).status).toBe(404)
  })

  test.each([
    ['.INVALID', 400, 'TAG_INVALID'],
    ['a'.repeat(129), 400, 'TAG_INVALID'],
    ['a%20b', 400, 'TAG_INVALID'],
    ['sha256:abc', 400, 'DIGEST_INVALID'],
    [OTHER, 400, 'DIGEST_INVALID'],
    [`${image.digest}?tag=a&tag=.b`, 400, 'TAG_INVALID'],
    [`${image.digest}?tag=`, 400, 'TAG_INVALID'],
    [
      `${image.digest}?${Array.from({ length: 101 }, (_, n) => `tag=v${n}`).join('&')}`,
      414,
      'MANIFEST_INVALID',
    ],
  ])('as %s is refused', async (reference, status, code) => {
    const answer = await client.putManifest(reference, image.bytes, image.mediaType)
    expect([answer.status, errorOf(answer).code]).toEqual([status, code])
    expect(gateway.registry.repository('team/app').manifests.size).toBe(0)
  })

  test('names its subject', async () => {
    const subject = { digest: OTHER, mediaType: image.mediaType, size: 7 }
    const referrer = imageToPush({ subject })
    for (const [digest, bytes] of referrer.blobs) await client.pushBlob(digest, bytes)
    const answer = await client.putManifest(referrer.digest, referrer.bytes, referrer.mediaType)
    expect([answer.status, answer.headers['oci-subject']]).toEqual([201, OTHER])
  })

  test('that is none, or of another type, or without its blobs, is refused', async () => {
    const none = await client.putManifest('v1', 'no JSON', image.mediaType)
    expect([none.status, errorOf(none).code]).toEqual([400, 'MANIFEST_INVALID'])
    const empty = await client.putManifest('v1', '', image.mediaType)
    expect([empty.status, errorOf(empty).code]).toEqual([400, 'MANIFEST_INVALID'])
    const index = 'application/vnd.oci.image.index.v1+json'
    const other = await client.putManifest('v1', image.bytes, index)
    expect([other.status, errorOf(other).code]).toEqual([400, 'MANIFEST_INVALID'])
    const elsewhere = new PushClient(gateway.port, 'some/other')
    const sparse = await elsewhere.putManifest('v1', image.bytes, image.mediaType)
    expect([sparse.status, errorOf(sparse).code]).toEqual([404, 'MANIFEST_BLOB_UNKNOWN'])
  })

  test('that is encoded is refused', async () => {
    const headers = { 'content-encoding': 'zstd', 'content-type': image.mediaType }
    const answer = await client.send('PUT', 'manifests/v1', { body: image.bytes, headers })
    expect([answer.status, errorOf(answer).code]).toEqual([415, 'UNSUPPORTED'])
  })
})

describe('deleting', () => {
  const image = imageToPush()

  beforeEach(async () => {
    for (const [digest, bytes] of image.blobs) await client.pushBlob(digest, bytes)
    await client.putManifest(`${image.digest}?tag=a&tag=b`, image.bytes, image.mediaType)
  })

  const statusOf = async (path: string) => (await client.send('GET', path)).status

  test('a tag leaves the manifest', async () => {
    const answer = await client.send('DELETE', 'manifests/a')
    expect([answer.status, answer.headers['content-length']]).toEqual([202, '0'])
    expect(await statusOf('manifests/a')).toBe(404)
    expect(await statusOf('manifests/b')).toBe(200)
    expect((await client.send('DELETE', 'manifests/a')).status).toBe(404)
  })

  test('a manifest takes its tags with it', async () => {
    expect((await client.send('DELETE', `manifests/${image.digest}`)).status).toBe(202)
    for (const path of [image.digest, 'a', 'b']) expect(await statusOf(`manifests/${path}`)).toBe(404)
    const again = await client.send('DELETE', `manifests/${image.digest}`)
    expect([again.status, errorOf(again).code]).toEqual([404, 'MANIFEST_UNKNOWN'])
  })

  test('a blob', async () => {
    const [digest = ''] = image.blobs.keys()
    expect((await client.send('DELETE', `blobs/${digest}`)).status).toBe(202)
    expect(await statusOf(`blobs/${digest}`)).toBe(404)
    const again = await client.send('DELETE', `blobs/${digest}`)
    expect([again.status, errorOf(again).code]).toEqual([404, 'BLOB_UNKNOWN'])
    const wrong = await client.send('DELETE', 'blobs/sha256:abc')
    expect([wrong.status, errorOf(wrong).code]).toEqual([400, 'DIGEST_INVALID'])
  })
})

test('what the log is told', async () => {
  const { headers } = await client.pushBlob(DIGEST, BYTES)
  await client.send('GET', 'blobs/uploads/none')
  await until(() => gateway.log.length === 2)
  const [pushed, asked] = gateway.log
  expect(headers['docker-content-digest']).toBe(DIGEST)
  expect(pushed).toMatchObject({ route: 'upload', name: 'team/app', received: BYTES.length, bytes: 0 })
  expect(asked).toMatchObject({ route: 'upload', name: 'team/app', received: 0, error: 'UPLOAD_UNKNOWN' })
})
