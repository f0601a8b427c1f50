import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type { ByteRange } from '../../src/content/source.ts'
import { MEDIA_TYPE } from '../../src/layout/descriptor.ts'
import type { Digest } from '../../src/reference/digest.ts'
import { patternBytes } from '../fixtures/content-tree.ts'
import {
  digestOf,
  errorsOf,
  type Handler,
  registryOf,
  reply,
  replyJson,
  startStubServer,
  type StubServer,
} from '../fixtures/stub-upstream.ts'
import { hostAt, type HostUnderTest } from '../fixtures/upstream-host.ts'
import { collect } from './content-source.ts'

const { signal } = new AbortController()
const LIMIT = 4 * 1024 * 1024
const BLOB = patternBytes(3 * 1024 * 1024 + 5, 4)
const BLOB_DIGEST = digestOf(BLOB)
const EMPTY = new Uint8Array()
const MISSING: Digest = `sha256:${'0'.repeat(64)}`

const MANIFEST = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: MISSING, size: 2 },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: BLOB_DIGEST, size: 3 }],
  }),
)

let server: StubServer
let under: HostUnderTest

beforeAll(async () => {
  server = await startStubServer()
  under = hostAt(`${server.url}/prefix/`, { rewrite: (repository) => `hub/${repository}` })
})
afterEach(() => {
  server.requests.length = 0
})
afterAll(async () => {
  await under.host.destroy()
  await server.close()
})

function serve(handler: Handler): void {
  server.answer = handler
}

function serveContent(): void {
  const manifest = { bytes: MANIFEST, type: MEDIA_TYPE.ociManifest }
  serve(
    registryOf({
      manifests: {
        latest: manifest,
        [digestOf(MANIFEST)]: manifest,
        [digestOf(MANIFEST, 'sha512')]: manifest,
      },
      blobs: { [BLOB_DIGEST]: BLOB, [digestOf(EMPTY)]: EMPTY },
    }),
  )
}

const manifest = (reference = 'latest', limit = LIMIT) =>
  under.host.manifest('library/alpine', reference, { limit, signal })
const openBlob = (digest = BLOB_DIGEST, range?: ByteRange) =>
  under.host.openBlob('library/alpine', digest, range === undefined ? { signal } : { signal, range })
const readBlob = async (digest = BLOB_DIGEST, range?: ByteRange) => collect(await openBlob(digest, range))

describe('manifests', () => {
  test('by tag and by digest, by one request each', async () => {
    serveContent()
    const digest = digestOf(MANIFEST)
    const long = digestOf(MANIFEST, 'sha512')
    const common = { mediaType: MEDIA_TYPE.ociManifest, source: 'registry.test' }
    expect(await manifest()).toMatchObject({ digest, ...common })
    expect(await manifest(digest)).toMatchObject({ digest, ...common })
    expect(await manifest(long)).toMatchObject({ digest: long, ...common })
    expect(Buffer.from((await manifest()).bytes).equals(MANIFEST)).toBe(true)
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /prefix/v2/hub/library/alpine/manifests/latest',
      `GET /prefix/v2/hub/library/alpine/manifests/${digest}`,
      `GET /prefix/v2/hub/library/alpine/manifests/${long}`,
      'GET /prefix/v2/hub/library/alpine/manifests/latest',
    ])
  })

  test('with what is said of every request, and nothing else', async () => {
    serveContent()
    await manifest()
    expect(server.requests[0]?.headers).toEqual({
      host: `127.0.0.1:${server.port}`,
      connection: 'keep-alive',
      'user-agent': 'ipfs-registry-gateway/test',
      via: '1.1 gateway-under-test',
      'accept-encoding': 'identity',
      accept: Object.values(MEDIA_TYPE).join(', '),
    })
  })

  test('of the digest that is stated, of either algorithm', async () => {
    const stated = digestOf(MANIFEST, 'sha512')
    serve((_, response) => reply(response, 200, { 'docker-content-digest': stated }, MANIFEST))
    expect((await manifest()).digest).toBe(stated)
    serve((_, response) => reply(response, 200, { 'docker-content-digest': 'blake3:00' }, MANIFEST))
    expect((await manifest()).digest).toBe(digestOf(MANIFEST))
    serve((_, response) => reply(response, 200, {}, MANIFEST))
    expect((await manifest()).digest).toBe(digestOf(MANIFEST))
  })

  test('of the type that they say, else of the one that is stated', async () => {
    const index = JSON.stringify({ schemaVersion: 2, manifests: [] })
    serve((_, response) =>
      reply(response, 200, { 'content-type': `${MEDIA_TYPE.dockerList}; charset=utf-8` }, index),
    )
    expect((await manifest()).mediaType).toBe(MEDIA_TYPE.dockerList)
    const own = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [] })
    serve((_, response) => reply(response, 200, { 'content-type': MEDIA_TYPE.dockerList }, own))
    expect((await manifest()).mediaType).toBe(MEDIA_TYPE.ociIndex)
  })

  const HTML = '<!DOCTYPE html><p>log in'
  test.each<[string, Handler]>([
    ['another digest than stated', (_, r) => reply(r, 200, { 'docker-content-digest': MISSING }, MANIFEST)],
    ['a malformed digest', (_, r) => reply(r, 200, { 'docker-content-digest': 'sha256:abc' }, MANIFEST)],
    ['a web page', (_, r) => reply(r, 200, { 'content-type': 'text/html; charset=utf-8' }, HTML)],
    ['a web page that does not say so', (_, r) => reply(r, 200, {}, HTML)],
    ['nothing', (_, r) => reply(r, 200)],
    ['other JSON', (_, r) => replyJson(r, 200, [1])],
    ['errors', (_, r) => replyJson(r, 200, errorsOf('MANIFEST_UNKNOWN'))],
    ['a manifest of schema 1', (_, r) => replyJson(r, 200, { schemaVersion: 1, fsLayers: [] })],
  ])('that are %s are not passed on', async (_, handler) => {
    serve(handler)
    await expect(manifest()).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
  })

  test('by digest that have another', async () => {
    const other = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [] }))
    serve((_, response) => reply(response, 200, { 'docker-content-digest': digestOf(MANIFEST) }, other))
    await expect(manifest(digestOf(MANIFEST))).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
    await expect(manifest(digestOf(MANIFEST, 'sha512'))).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
  })

  test('that are too large, or compressed', async () => {
    serveContent()
    await expect(manifest('latest', 100)).rejects.toMatchObject({ code: 'CONTENT_TOO_LARGE' })
    serve((_, response) => reply(response, 200, { 'content-encoding': 'gzip' }, MANIFEST))
    await expect(manifest()).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  })

  test('of names and references that would be another path', async () => {
    serveContent()
    for (const repository of ['../a', 'a/../b', 'a//b', 'a?b', 'a#b', 'a%2fb', ''].map((name) => name)) {
      const { host } = hostAt(server.url)
      await expect(host.manifest(repository, 'latest', { limit: LIMIT, signal })).rejects.toMatchObject({
        code: 'NAME_INVALID',
      })
      await host.destroy()
    }
    await expect(manifest('../blobs/x')).rejects.toMatchObject({ code: 'DIGEST_INVALID' })
    await expect(manifest('md5:abc')).rejects.toMatchObject({ code: 'DIGEST_INVALID' })
    expect(server.requests).toEqual([])
  })
})

describe('heads of manifests', () => {
  const head = () => under.host.headManifest('library/alpine', 'latest', { signal })

  test('tell the digest, where they do', async () => {
    serveContent()
    expect(await head()).toEqual({ digest: digestOf(MANIFEST), source: 'registry.test' })
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD'])
    serve((_, response) => reply(response, 200))
    expect((await head()).digest).toBeUndefined()
    serve((_, response) => reply(response, 200, { 'docker-content-digest': 'sha256:abc' }))
    expect((await head()).digest).toBeUndefined()
  })

  test('that are not those of a manifest', async () => {
    serve((_, response) => reply(response, 404))
    await expect(head()).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' })
    serve((_, response) => reply(response, 200, { 'content-type': 'text/html' }))
    await expect(head()).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
    serve((_, response) => reply(response, 503))
    await expect(head()).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  })
})

describe('blobs', () => {
  test('whole, by one request', async () => {
    serveContent()
    const opened = await openBlob()
    expect(opened).toMatchObject({
      size: BLOB.byteLength,
      proof: 'none',
      source: 'registry.test',
      cid: undefined,
    })
    expect((await collect(opened)).equals(BLOB)).toBe(true)
    expect(await readBlob(digestOf(EMPTY))).toHaveLength(0)
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `GET /prefix/v2/hub/library/alpine/blobs/${BLOB_DIGEST}`,
      `GET /prefix/v2/hub/library/alpine/blobs/${digestOf(EMPTY)}`,
    ])
  })

  const SIZE = BLOB.byteLength
  const RANGES: [number, number][] = [
    [0, 10],
    [100, 2_000_000],
    [SIZE - 5, SIZE],
    [SIZE - 5, SIZE + 100],
    [7, Number.MAX_SAFE_INTEGER],
    [0, SIZE],
    [5, 5],
    [SIZE, SIZE],
    [SIZE, SIZE + 10],
    [SIZE + 7, SIZE + 10],
  ]
  test.each(RANGES)('bytes %d to %d', async (start, end) => {
    serveContent()
    const opened = await openBlob(BLOB_DIGEST, { start, end })
    expect(opened.size).toBe(SIZE)
    expect((await collect(opened)).equals(BLOB.subarray(start, end))).toBe(true)
    expect(server.requests).toHaveLength(1)
  })

  test.each(RANGES)('bytes %d to %d of a registry that knows no ranges', async (start, end) => {
    serve((_, response) => reply(response, 200, {}, BLOB))
    const opened = await openBlob(BLOB_DIGEST, { start, end })
    expect(opened.size).toBe(SIZE)
    expect((await collect(opened)).equals(BLOB.subarray(start, end))).toBe(true)
  })

  test('their size', async () => {
    serveContent()
    expect(await under.host.blobSize('library/alpine', BLOB_DIGEST, { signal })).toBe(SIZE)
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD'])
    await expect(under.host.blobSize('library/alpine', MISSING, { signal })).rejects.toMatchObject({
      code: 'BLOB_UNKNOWN',
    })
  })

  const PART = BLOB.subarray(100, 200)
  const ranged = (range: string, body: Uint8Array = PART): Handler => {
    return (_, response) => reply(response, 206, { 'content-range': range }, body)
  }
  test.each<[string, string, Handler]>([
    ['a web page', 'CONTENT_INVALID', (_, r) => reply(r, 200, { 'content-type': 'text/html' }, '<p>')],
    ['of unknown length', 'CONTENT_UNAVAILABLE', (_, r) => void r.writeHead(200).end(BLOB)],
    ['another range', 'CONTENT_INVALID', ranged(`bytes 101-200/${SIZE}`)],
    ['a range of an unknown whole', 'CONTENT_UNAVAILABLE', ranged('bytes 100-199/*')],
    ['a range that is not said', 'CONTENT_INVALID', ranged(`bytes */${SIZE}`)],
    ['a range that is not stated', 'CONTENT_UNAVAILABLE', (_, r) => reply(r, 206, {}, PART)],
    [
      'several ranges',
      'CONTENT_UNAVAILABLE',
      (_, r) => reply(r, 206, { 'content-type': 'multipart/byteranges' }, PART),
    ],
    ['less than the range', 'CONTENT_UNAVAILABLE', ranged(`bytes 100-149/${SIZE}`, PART.subarray(0, 50))],
    ['more than the range', 'CONTENT_INVALID', ranged(`bytes 100-199/${SIZE}`, BLOB.subarray(100, 300))],
    [
      'nothing of what is there',
      'CONTENT_INVALID',
      (_, r) => reply(r, 416, { 'content-range': `bytes */${SIZE}` }),
    ],
    ['compressed', 'CONTENT_UNAVAILABLE', (_, r) => reply(r, 200, { 'content-encoding': 'gzip' }, BLOB)],
  ])('a part that is %s: %s', async (_, code, handler) => {
    serve(handler)
    await expect(readBlob(BLOB_DIGEST, { start: 100, end: 200 })).rejects.toMatchObject({ code })
  })

  test('a part that nobody asked for', async () => {
    serve(ranged(`bytes 100-199/${SIZE}`))
    await expect(readBlob()).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  })
})

describe('tags', () => {
  const tags = (query = '') => under.host.tags('library/alpine', new URLSearchParams(query), { signal })

  test('of a page, with the query of the next', async () => {
    const link = '<https://evil.example/v2/other/tags/list?last=b%2Bc&n=2&x=1>; rel="next"'
    serve((_, response) => {
      reply(response, 200, { link }, JSON.stringify({ name: 'x', tags: ['b', 'a', '../evil', 7] }))
    })
    const page = await tags('n=2&last=a b')
    expect(page).toMatchObject({ tags: ['b', 'a'], source: 'registry.test' })
    expect(page.next?.toString()).toBe('last=b%2Bc&n=2&x=1')
    expect(server.requests[0]?.url).toBe('/prefix/v2/hub/library/alpine/tags/list?n=2&last=a+b')
  })

  test('of the last page, and of a repository without', async () => {
    serve((_, response) => replyJson(response, 200, { tags: null }))
    expect(await tags()).toEqual({ tags: [], next: undefined, source: 'registry.test' })
    expect(server.requests[0]?.url).toBe('/prefix/v2/hub/library/alpine/tags/list')
  })

  test.each<[string, string, Handler]>([
    ['no repository', 'NAME_UNKNOWN', (_, r) => replyJson(r, 404, errorsOf('NAME_UNKNOWN'))],
    ['not there', 'NAME_UNKNOWN', (_, r) => reply(r, 404, { 'content-type': 'text/html' }, '<p>')],
    ['a web page', 'CONTENT_INVALID', (_, r) => reply(r, 200, { 'content-type': 'text/html' }, '<p>')],
    ['no list', 'CONTENT_INVALID', (_, r) => replyJson(r, 200, { tags: 'a' })],
    ['errors', 'CONTENT_INVALID', (_, r) => replyJson(r, 200, errorsOf('NAME_UNKNOWN'))],
  ])('that are %s', async (_, code, handler) => {
    serve(handler)
    await expect(tags()).rejects.toMatchObject({ code })
  })
})

describe('referrers', () => {
  const referrers = () => under.host.referrers('library/alpine', BLOB_DIGEST, { signal })
  const descriptor = (digit: number) => ({
    mediaType: MEDIA_TYPE.ociManifest,
    digest: `sha256:${String(digit).repeat(64)}` as Digest,
    size: digit,
    artifactType: 'application/x',
    annotations: { a: 'b' },
  })
  const index = (...digits: number[]) => ({ schemaVersion: 2, manifests: digits.map(descriptor) })
  const TYPE = { 'content-type': `${MEDIA_TYPE.ociIndex}; charset=utf-8` }

  test('of all pages', async () => {
    serve(({ url }, response) => {
      const page = Number(new URL(url, 'http://h').searchParams.get('page') ?? 1)
      const link: Record<string, string> = page === 3 ? {} : { link: `</x?page=${page + 1}>; rel="next"` }
      reply(response, 200, { ...TYPE, ...link }, JSON.stringify(index(page, page + 1)))
    })
    expect(await referrers()).toEqual({ referrers: [1, 2, 3, 4].map(descriptor), source: 'registry.test' })
    const path = `/prefix/v2/hub/library/alpine/referrers/${BLOB_DIGEST}`
    expect(server.requests.map(({ url }) => url)).toEqual([path, `${path}?page=2`, `${path}?page=3`])
  })

  test('without end', async () => {
    serve((_, response) => {
      reply(response, 200, { ...TYPE, link: '</x?page=1>; rel="next"' }, JSON.stringify(index(1)))
    })
    await expect(referrers()).rejects.toMatchObject({ code: 'CONTENT_TOO_LARGE' })
    expect(server.requests).toHaveLength(100)
  })

  const LACKING: Handler[] = [
    (_, response) => reply(response, 404, { 'content-type': 'text/plain' }, '404 page not found'),
    (_, response) => reply(response, 405),
    (_, response) => reply(response, 200, { 'content-type': 'text/html' }, '<p>'),
  ]
  test.each(LACKING)('from the fallback tag (%#)', async (lacking) => {
    const tag = `sha256-${BLOB_DIGEST.slice(7)}`
    serve((request, response) => {
      if (request.url.includes('/referrers/')) return lacking(request, response)
      if (!request.url.endsWith(`/manifests/${tag}`)) return reply(response, 500)
      return reply(response, 200, TYPE, JSON.stringify(index(5)))
    })
    expect((await referrers()).referrers).toEqual([descriptor(5)])
  })

  test('none, where there is no fallback tag, or it is something else', async () => {
    serve((_, response) => replyJson(response, 404, errorsOf('NAME_UNKNOWN')))
    expect((await referrers()).referrers).toEqual([])
    serve(({ url }, response) => reply(response, url.includes('/referrers/') ? 404 : 200, {}, MANIFEST))
    expect((await referrers()).referrers).toEqual([])
  })

  test.each<[string, string, Handler]>([
    ['an index that is none', 'CONTENT_INVALID', (_, r) => reply(r, 200, TYPE, 'nonsense')],
    ['refused', 'CONTENT_UNAVAILABLE', (_, r) => reply(r, 500)],
    ['in need of something else', 'UPSTREAM_DENIED', (_, r) => reply(r, 403)],
  ])('that are %s', async (_, code, handler) => {
    serve(handler)
    await expect(referrers()).rejects.toMatchObject({ code })
  })
})

describe('health', () => {
  test.each<[number, boolean]>([
    [200, true],
    [401, true],
    [429, true],
    [404, false],
    [503, false],
    [301, false],
  ])('status %d: %s', async (status, healthy) => {
    serve((_, response) => reply(response, status))
    expect(await under.host.healthy(signal)).toBe(healthy)
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['GET /prefix/v2/'])
  })

  test('of what is not there', async () => {
    const { host } = hostAt('http://127.0.0.1:1')
    expect(await host.healthy(signal)).toBe(false)
    await host.destroy()
  })
})

test('what came is told', async () => {
  const { host, told } = hostAt(server.url)
  serveContent()
  await host.manifest('a', 'latest', { limit: LIMIT, signal })
  await host.blobSize('a', BLOB_DIGEST, { signal })
  await host.healthy(signal)
  expect(told.answers).toEqual(['manifest 200', 'blob 200', 'health 404'])
  expect(told.warnings).toEqual([])
  await host.destroy()
})
