import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createCredentials } from '../../src/upstream/auth/credentials.ts'
import type { RegistryHostOptions } from '../../src/upstream/host.ts'
import { makeCertificate } from '../fixtures/certificate.ts'
import { patternBytes } from '../fixtures/content-tree.ts'
import {
  digestOf,
  type Handler,
  redirectTo,
  registryOf,
  reply,
  startStubServer,
  type StubServer,
  stubTokens,
  type StubTokens,
  tokenServerFor,
  withBearer,
} from '../fixtures/stub-upstream.ts'
import { hostAt, type HostUnderTest } from '../fixtures/upstream-host.ts'
import { collect } from './content-source.ts'

const { signal } = new AbortController()
const BLOB = patternBytes(100_000, 6)
const DIGEST = digestOf(BLOB)
const MANIFEST = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [] }))
const CONTENT = registryOf({
  manifests: { latest: { bytes: MANIFEST, type: '' } },
  blobs: { [DIGEST]: BLOB },
})
const SECRET = 'the-secret-of-secrets'

let registry: StubServer
let storage: StubServer
let auth: StubServer
let tokens: StubTokens
const under: HostUnderTest[] = []

beforeEach(async () => {
  tokens = stubTokens()
  auth = await startStubServer(tokenServerFor(tokens))
  registry = await startStubServer()
  storage = await startStubServer(CONTENT)
})
afterEach(async () => {
  await Promise.all(under.splice(0).map(({ host }) => host.destroy()))
  await Promise.all([registry.close(), storage.close(), auth.close()])
})

/** A registry with tokens that answers so. */
function make(handler: Handler, options: Partial<RegistryHostOptions> = {}): HostUnderTest {
  registry.answer = withBearer(`${auth.url}/token`, tokens, handler)
  const password = { kind: 'value', value: SECRET } as const
  const credentials = createCredentials({ kind: 'password', username: 'user', password }, { host: 'x' })
  const made = hostAt(registry.url, { credentials, ...options })
  under.push(made)
  return made
}

const read = async ({ host }: HostUnderTest) => collect(await host.openBlob('a/b', DIGEST, { signal }))

/** The same path, at the storage. */
const toStorage =
  (status = 307): Handler =>
  ({ url }, response) =>
    redirectTo(response, `${storage.url}/signed${url}?signature=abc`, status)

describe('redirects', () => {
  test.each([301, 302, 303, 307, 308])(
    'with status %d are followed, and nothing is shown there',
    async (status) => {
      const host = make(toStorage(status))
      expect((await read(host)).equals(BLOB)).toBe(true)
      expect(storage.requests).toHaveLength(1)
      expect(storage.requests[0]).toMatchObject({
        method: 'GET',
        url: `/signed/v2/a/b/blobs/${DIGEST}?signature=abc`,
      })
      expect(storage.requests[0]?.headers).toEqual({
        host: `127.0.0.1:${storage.port}`,
        connection: 'keep-alive',
        accept: '*/*',
        'accept-encoding': 'identity',
        'user-agent': 'ipfs-registry-gateway/test',
        via: '1.1 gateway-under-test',
      })
      expect(host.told.answers).toEqual(['blob 401', 'token 200', `blob ${status}`, 'blob 200'])
    },
  )

  test('of ranges, sizes and manifests', async () => {
    const { host } = make(toStorage())
    const opened = await host.openBlob('a/b', DIGEST, { signal, range: { start: 10, end: 20 } })
    expect((await collect(opened)).equals(BLOB.subarray(10, 20))).toBe(true)
    expect(await host.blobSize('a/b', DIGEST, { signal })).toBe(BLOB.byteLength)
    expect((await host.manifest('a/b', 'latest', { signal, limit: 1000 })).bytes).toEqual(MANIFEST)
    expect(storage.requests.map(({ method, headers }) => [method, headers.range])).toStrictEqual([
      ['GET', 'bytes=10-19'],
      ['HEAD', undefined],
      ['GET', undefined],
    ])
  })

  test('cost no connection, also where their text comes late', async () => {
    let finish = (): void => undefined
    const host = make(({ url }, response) => {
      response.writeHead(307, { location: storage.url + url, 'content-type': 'text/html' })
      response.write('<a href="')
      finish = () => void response.end('elsewhere">')
    })
    storage.answer = (request, response) => {
      finish()
      return CONTENT(request, response)
    }
    for (let count = 0; count < 5; count += 1) await read(host)
    // A second one may be made while the first is about to be free.
    expect(registry.connections).toBeLessThan(5)
    expect(storage.connections).toBeLessThan(5)
  })

  test('within the registry keep what is shown', async () => {
    const host = make((request, response) => {
      if (request.url.startsWith('/moved')) return CONTENT(request, response)
      redirectTo(response, `/moved${request.url}`)
    })
    registry.answer = withMoved(registry.answer)
    expect((await read(host)).equals(BLOB)).toBe(true)
    expect(registry.requests.at(-1)).toMatchObject({ url: `/moved/v2/a/b/blobs/${DIGEST}` })
    expect(registry.requests.at(-1)?.headers.authorization).toBe(`Bearer ${tokens.issued[0]}`)
  })

  test('away and back show nothing any more', async () => {
    storage.answer = (_, response) => redirectTo(response, `${registry.url}/open`)
    const host = make(toStorage())
    const guarded = registry.answer
    registry.answer = (request, response) =>
      request.url === '/open' ? reply(response, 200, {}, BLOB) : guarded(request, response)
    await read(host)
    expect(registry.requests.at(-1)).toMatchObject({ url: '/open' })
    expect(registry.requests.at(-1)?.headers.authorization).toBeUndefined()
  })

  test('are followed five times', async () => {
    let left = 5
    const host = make(({ url }, response) => {
      if (left === 0) return reply(response, 200, {}, BLOB)
      left -= 1
      redirectTo(response, `${url}?${left}`)
    })
    await read(host)
    left = 6
    await expect(read(host)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    expect(registry.requests).toHaveLength(1 + 6 + 6)
  })

  test.each<[string, Handler]>([
    ['to themselves', ({ url }, r) => redirectTo(r, url)],
    [
      'in a circle',
      ({ url }, r) =>
        redirectTo(r, url.endsWith('?b') ? url.replace('?b', '?a') : url.replace(/(\?a)?$/, '?b')),
    ],
    ['to nowhere', (_, r) => reply(r, 307)],
    ['to what is no URL', (_, r) => redirectTo(r, 'http://[')],
    ['to another scheme', (_, r) => redirectTo(r, 'file:///etc/passwd')],
  ])('%s are not followed', async (_, handler) => {
    const host = make(handler)
    await expect(read(host)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    expect(registry.requests.length).toBeLessThan(6)
    expect(host.told.warnings).toHaveLength(1)
  })

  test('from https to http are not followed', async () => {
    const certificate = makeCertificate('localhost')
    const tls = await startStubServer(toStorage(), certificate)
    const { host } = hostAt(tls.url, { ca: certificate.cert })
    await expect(host.openBlob('a/b', DIGEST, { signal })).rejects.toMatchObject({
      message: expect.stringContaining('it leads from https to http'),
    })
    expect(await host.blobLocation('a/b', DIGEST, { signal })).toBeUndefined()
    expect(storage.connections).toBe(0)
    await host.destroy()
    await tls.close()
  })

  test('from https to https of the same authority are followed', async () => {
    const certificate = makeCertificate('localhost')
    const inner = await startStubServer(CONTENT, certificate)
    const tls = await startStubServer(
      ({ url }, response) => redirectTo(response, inner.url + url),
      certificate,
    )
    const { host } = hostAt(tls.url, { ca: certificate.cert })
    expect((await collect(await host.openBlob('a/b', DIGEST, { signal }))).equals(BLOB)).toBe(true)
    await host.destroy()
    await tls.close()
    await inner.close()
  })
})

/** Lets the guard of a registry take the moved path for the one that it was. */
function withMoved(guarded: Handler): Handler {
  return (request, response) =>
    request.url.startsWith('/moved') ? CONTENT(request, response) : guarded(request, response)
}

describe('private addresses', () => {
  const names: RegistryHostOptions['lookup'] = (hostname, _, callback) => {
    const address = hostname === 'cdn.example' ? '127.0.0.1' : '10.0.0.1'
    callback(null, [{ address, family: 4 }])
  }

  test.each([
    ['an address', (port: number) => `http://127.0.0.1:${port}/`],
    ['an address in another form', (port: number) => `http://2130706433:${port}/`],
    ['an address in IPv6', (port: number) => `http://[::ffff:127.0.0.1]:${port}/`],
    ['a name', (port: number) => `http://cdn.example:${port}/`],
    ['a name known to the system', (port: number) => `http://localhost:${port}/`],
  ])('as %s are not connected to', async (what, to) => {
    const lookup = what === 'a name' ? { lookup: names } : {}
    const host = make((_, response) => redirectTo(response, to(storage.port)), {
      allowPrivateRedirects: false,
      ...lookup,
    })
    await expect(read(host)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    await expect(host.host.manifest('a/b', 'latest', { signal, limit: 1000 })).rejects.toMatchObject({
      code: 'CONTENT_UNAVAILABLE',
    })
    expect(storage.connections).toBe(0)
    expect(host.told.warnings.length).toBeGreaterThan(0)
  })

  test('are connected to where that is allowed, also by name', async () => {
    const host = make((_, response) => redirectTo(response, `http://cdn.example:${storage.port}/${DIGEST}`), {
      allowPrivateRedirects: true,
      lookup: names,
    })
    storage.answer = (_, response) => reply(response, 200, {}, BLOB)
    await read(host)
    expect(storage.requests[0]?.headers.host).toBe(`cdn.example:${storage.port}`)
  })

  test('of the registry itself are no matter', async () => {
    const host = make(
      (request, response) =>
        request.url.includes('?')
          ? reply(response, 200, {}, BLOB)
          : redirectTo(response, `${request.url}?again`),
      { allowPrivateRedirects: false },
    )
    await read(host)
  })

  test('are refused by what is connected to, not by what was looked up before', async () => {
    // A name that is public at first, as an attacker's DNS would have it.
    let asked = 0
    const lookup: RegistryHostOptions['lookup'] = (_, __, callback) => {
      asked += 1
      callback(null, [{ address: asked === 1 ? '192.0.2.1' : '127.0.0.1', family: 4 }])
    }
    const host = make((_, response) => redirectTo(response, `http://cdn.example:${storage.port}/`), {
      allowPrivateRedirects: false,
      answerTimeout: 200,
      lookup,
    })
    await expect(read(host)).rejects.toMatchObject({ code: expect.stringMatching(/^CONTENT_/) })
    await expect(read(host)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    expect(storage.connections).toBe(0)
  })
})

describe('a storage', () => {
  test.each([
    [401, 'CONTENT_UNAVAILABLE'],
    [403, 'CONTENT_UNAVAILABLE'],
    [404, 'CONTENT_UNAVAILABLE'],
    [429, 'UPSTREAM_LIMITED'],
    [500, 'CONTENT_UNAVAILABLE'],
    [504, 'CONTENT_TIMEOUT'],
  ])('that answers %d: %s, and nobody asks the registry for a token again', async (status, code) => {
    storage.answer = (_, response) =>
      reply(response, status, { 'www-authenticate': 'Basic realm="x"', 'retry-after': '100' })
    const host = make(toStorage())
    await expect(read(host)).rejects.toMatchObject({ code })
    await expect(read(host)).rejects.toMatchObject({ code })
    expect(auth.requests).toHaveLength(1)
    expect(storage.requests.map(({ headers }) => headers.authorization)).toStrictEqual([undefined, undefined])
  })

  test('that answers with a web page', async () => {
    storage.answer = (_, response) => reply(response, 200, { 'content-type': 'text/html' }, '<p>log in')
    await expect(read(make(toStorage()))).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
  })
})

describe('where readers are redirected to', () => {
  const locate = ({ host }: HostUnderTest) => host.blobLocation('a/b', DIGEST, { signal })

  test('is told and not gone to', async () => {
    const host = make(({ url }, response) => {
      redirectTo(response, `http://user:pass@127.0.0.1:${storage.port}/signed${url}?signature=abc#x`)
    })
    expect(await locate(host)).toBe(`${storage.url}/signed/v2/a/b/blobs/${DIGEST}?signature=abc`)
    expect(storage.connections).toBe(0)
  })

  test('is nowhere where the registry gives the bytes, of which one is asked for', async () => {
    const host = make(CONTENT)
    expect(await locate(host)).toBeUndefined()
    expect(registry.requests.map(({ headers }) => headers.range)).toStrictEqual(['bytes=0-0', 'bytes=0-0'])
  })

  test.each<[string, Handler]>([
    ['a private address', toStorage()],
    ['itself', ({ url }, response) => redirectTo(response, `${url}?again`)],
    ['nowhere', (_, response) => reply(response, 307)],
    ['another scheme', (_, response) => redirectTo(response, 'javascript:alert(1)')],
  ])('is not told where it is %s', async (_, handler) => {
    expect(await locate(make(handler, { allowPrivateRedirects: false }))).toBeUndefined()
  })

  test('of what is not there', async () => {
    await expect(locate(make((_, response) => reply(response, 404)))).rejects.toMatchObject({
      code: 'BLOB_UNKNOWN',
    })
  })
})
