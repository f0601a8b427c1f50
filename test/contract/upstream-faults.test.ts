import { once, setMaxListeners } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { RegistryHostOptions } from '../../src/upstream/host.ts'
import { makeCertificate } from '../fixtures/certificate.ts'
import { patternBytes } from '../fixtures/content-tree.ts'
import { fakeDate } from '../fixtures/fake-date.ts'
import {
  digestOf,
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
setMaxListeners(0, signal)
const BLOB = Buffer.from(patternBytes(3 * 1024 * 1024, 8))
const DIGEST = digestOf(BLOB)
const MANIFEST = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [] }))
const CONTENT = registryOf({
  manifests: { latest: { bytes: MANIFEST, type: '' } },
  blobs: { [DIGEST]: BLOB },
})

let server: StubServer
const under: HostUnderTest[] = []

beforeEach(async () => (server = await startStubServer(CONTENT)))
afterEach(async () => {
  jest.useRealTimers()
  await Promise.all(under.splice(0).map(({ host }) => host.destroy()))
  await server.close()
})

function make(options: Partial<RegistryHostOptions> = {}, url = server.url): HostUnderTest {
  const made = hostAt(url, options)
  under.push(made)
  return made
}

const pull = ({ host }: HostUnderTest, abort = signal) =>
  host.manifest('a/b', 'latest', { limit: 1000, signal: abort })
const open = ({ host }: HostUnderTest, abort = signal) => host.openBlob('a/b', DIGEST, { signal: abort })
const read = async (host: HostUnderTest) => collect(await open(host))

describe('what a registry says', () => {
  test.each<[string, string, number, string]>([
    ['no such repository', 'NAME_UNKNOWN', 404, '{"errors":[{"code":"NAME_UNKNOWN"}]}'],
    ['no such manifest', 'MANIFEST_UNKNOWN', 404, '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'],
    ['another code', 'MANIFEST_UNKNOWN', 404, '{"errors":[{"code":"TEAPOT"}]}'],
    ['no code', 'MANIFEST_UNKNOWN', 404, '{"errors":[]}'],
    ['nothing', 'MANIFEST_UNKNOWN', 404, ''],
    ['bad request', 'CONTENT_UNAVAILABLE', 400, ''],
    ['internal error', 'CONTENT_UNAVAILABLE', 500, ''],
    ['time-out', 'CONTENT_TIMEOUT', 408, ''],
    ['no content', 'CONTENT_UNAVAILABLE', 204, ''],
    ['not modified', 'CONTENT_UNAVAILABLE', 304, ''],
    ['a loop', 'LOOP_DETECTED', 508, ''],
  ])('%s: %s', async (_, code, status, body) => {
    server.answer = (_, response) => {
      reply(response, status, { 'content-type': 'application/json' }, status === 304 ? '' : body)
    }
    await expect(pull(make())).rejects.toMatchObject({ code })
    expect(server.requests).toHaveLength(1)
  })

  test('is not told to clients but for what it means', async () => {
    server.answer = (_, response) =>
      reply(response, 500, { 'content-type': 'text/plain' }, 'secrets of the house')
    await expect(pull(make())).rejects.toMatchObject({
      message: "registry.test can't give a/b:latest now: it answers 500",
    })
  })

  test('of a blob', async () => {
    server.answer = (_, response) => reply(response, 404)
    await expect(read(make())).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' })
  })

  test('an answer that has come through this gateway is a loop', async () => {
    server.answer = (request, response) => {
      response.setHeader('via', '1.0 first, HTTP/1.1 gateway-under-test (a comment)')
      return CONTENT(request, response)
    }
    await expect(pull(make())).rejects.toMatchObject({ code: 'LOOP_DETECTED' })
    await expect(read(make())).rejects.toMatchObject({ code: 'LOOP_DETECTED' })
    await pull(make({ via: 'another' }))
  })
})

describe('a registry that asks for fewer requests', () => {
  const limited = (headers: Record<string, string>): Handler => {
    return (_, response) => reply(response, 429, headers)
  }

  test('is left alone until then', async () => {
    fakeDate()
    const start = Date.now()
    server.answer = limited({ 'retry-after': '60' })
    const host = make()
    await expect(pull(host)).rejects.toMatchObject({ code: 'UPSTREAM_LIMITED', retryAfter: 60 })
    server.answer = CONTENT
    jest.setSystemTime(start + 10_500)
    const all = [pull(host), read(host), host.host.tags('a/b', new URLSearchParams(), { signal })]
    for (const asked of all) {
      await expect(asked).rejects.toMatchObject({ code: 'UPSTREAM_LIMITED', retryAfter: 50 })
    }
    expect(await host.host.healthy(signal)).toBe(true)
    expect(server.requests).toHaveLength(1)
    jest.setSystemTime(start + 61_000)
    await pull(host)
    expect(server.requests).toHaveLength(2)
  })

  test('is left alone for no longer when the clock is set back', async () => {
    fakeDate()
    server.answer = limited({ 'retry-after': '60' })
    const host = make()
    await expect(pull(host)).rejects.toMatchObject({ code: 'UPSTREAM_LIMITED' })
    server.answer = CONTENT
    jest.setSystemTime(Date.now() - 86_400_000)
    await pull(host)
  })

  test('is not asked by those who have waited for their turn, either', async () => {
    server.answer = limited({ 'retry-after': '60' })
    const host = make({ concurrency: 1 })
    const results = await Promise.allSettled([pull(host), pull(host), read(host)])
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'UPSTREAM_LIMITED' } })
    expect(server.requests).toHaveLength(1)
  })

  test('for very long is asked after five minutes', async () => {
    server.answer = limited({ 'retry-after': '86400' })
    await expect(pull(make())).rejects.toMatchObject({ retryAfter: 300 })
  })

  test('and does not say until when, is asked for other things', async () => {
    server.answer = limited({})
    const host = make()
    await expect(pull(host)).rejects.toMatchObject({ code: 'UPSTREAM_LIMITED', retryAfter: 30 })
    server.answer = CONTENT
    await read(host)
  })
})

describe('a registry that stumbles', () => {
  test.each([502, 503, 504])('with %d is asked for manifests again, three times at most', async (status) => {
    server.answer = (request, response) =>
      server.requests.length < 3
        ? reply(response, status, { 'retry-after': '100' }, 'x'.repeat(100_000))
        : CONTENT(request, response)
    await pull(make())
    expect(server.requests).toHaveLength(3)
    server.answer = (_, response) => reply(response, status, { 'retry-after': '100' })
    server.requests.length = 0
    await expect(pull(make())).rejects.toMatchObject({
      code: status === 504 ? 'CONTENT_TIMEOUT' : 'CONTENT_UNAVAILABLE',
      retryAfter: 100,
    })
    expect(server.requests).toHaveLength(3)
  })

  test('is asked for blobs, and by HEAD, once', async () => {
    server.answer = (_, response) => reply(response, 503)
    const { host } = make()
    await expect(host.openBlob('a/b', DIGEST, { signal })).rejects.toMatchObject({
      code: 'CONTENT_UNAVAILABLE',
    })
    await expect(host.blobSize('a/b', DIGEST, { signal })).rejects.toMatchObject({
      code: 'CONTENT_UNAVAILABLE',
    })
    await expect(host.headManifest('a/b', 'x', { signal })).rejects.toMatchObject({
      code: 'CONTENT_UNAVAILABLE',
    })
    expect(server.requests).toHaveLength(3)
  })

  test('is not asked again for someone who has left', async () => {
    server.answer = (_, response) => reply(response, 503)
    const abort = new AbortController()
    const host = make()
    const asked = pull(host, abort.signal)
    await until(() => server.requests.length === 1)
    abort.abort(new Error('gone'))
    await expect(asked).rejects.toThrow('gone')
    await host.host.destroy()
    expect(server.requests).toHaveLength(1)
  })

  test('is not there', async () => {
    await expect(pull(make({}, 'http://127.0.0.1:1'))).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    await expect(read(make({}, 'http://127.0.0.1:1'))).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  })

  test('says first that it will answer', async () => {
    server.answer = (request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      return CONTENT(request, response)
    }
    await pull(make())
    await read(make())
    expect(server.requests).toHaveLength(2)
  })

  test('is silent', async () => {
    server.answer = () => undefined
    const host = make({ answerTimeout: 200 })
    await expect(pull(host)).rejects.toMatchObject({ code: 'CONTENT_TIMEOUT' })
    await expect(read(host)).rejects.toMatchObject({ code: 'CONTENT_TIMEOUT' })
    expect(await host.host.healthy(signal)).toBe(false)
    await until(() => server.abandoned === 3)
  })
})

describe('a body that', () => {
  /** So many bytes of what was promised, then what `end` does. */
  const partly =
    (bytes: Uint8Array, sent: number, end: (response: Parameters<Handler>[1]) => void): Handler =>
    (_, response) => {
      response.writeHead(200, { 'content-length': bytes.byteLength })
      response.write(bytes.subarray(0, sent), () => end(response))
    }

  test.each([
    ['is cut', (response: Parameters<Handler>[1]) => void response.destroy()],
    ['is reset', (response: Parameters<Handler>[1]) => response.socket?.resetAndDestroy()],
  ])('%s', async (_, end) => {
    server.answer = partly(BLOB, 1_000_000, end)
    const opened = await open(make())
    const pieces: Uint8Array[] = []
    const reading = (async () => {
      for await (const piece of opened.body) pieces.push(Buffer.from(piece))
    })()
    await expect(reading).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    expect(BLOB.subarray(0, Buffer.concat(pieces).byteLength).equals(Buffer.concat(pieces))).toBe(true)
    server.answer = partly(MANIFEST, 10, end)
    await expect(pull(make())).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  })

  test('stalls', async () => {
    server.answer = partly(BLOB, 1_000_000, () => undefined)
    await expect(read(make({ stallTimeout: 200 }))).rejects.toMatchObject({ code: 'CONTENT_TIMEOUT' })
    server.answer = partly(MANIFEST, 10, () => undefined)
    await expect(pull(make({ stallTimeout: 200 }))).rejects.toMatchObject({ code: 'CONTENT_TIMEOUT' })
    await until(() => server.abandoned === 2)
  })

  test.each(['before', 'in'])('nobody wants any more (%s the middle) closes its connection', async (when) => {
    server.answer = partly(BLOB, 1_000_000, () => undefined)
    const abort = new AbortController()
    const opened = await open(make(), abort.signal)
    const body = opened.body[Symbol.asyncIterator]()
    if (when === 'in') await body.next()
    abort.abort(new Error('gone'))
    await expect(
      (async () => {
        for (;;) await body.next()
      })(),
    ).rejects.toThrow('gone')
    await until(() => server.abandoned === 1)
  })

  test('is ended early closes its connection', async () => {
    server.answer = partly(BLOB, 1_000_000, () => undefined)
    const opened = await open(make())
    await opened.body[Symbol.asyncIterator]().return?.()
    await until(() => server.abandoned === 1)
  })
})

describe('places', () => {
  test('are held until a blob is read', async () => {
    const host = make({ concurrency: 1, queue: 1 })
    const opened = await open(host)
    const waiting = pull(host)
    await expect(pull(host)).rejects.toMatchObject({ code: 'OVERLOADED' })
    expect(server.requests).toHaveLength(1)
    await collect(opened)
    await waiting
    expect(server.requests).toHaveLength(2)
  })

  test('are given back by all that fails', async () => {
    const host = make({ concurrency: 1, queue: 0 })
    server.answer = (_, response) => reply(response, 404)
    await expect(pull(host)).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' })
    await expect(read(host)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' })
    server.answer = () => undefined
    const abort = new AbortController()
    const asked = [open(host, abort.signal)]
    abort.abort(new Error('gone'))
    await expect(Promise.all(asked)).rejects.toThrow('gone')
    server.answer = CONTENT
    await read(host)
  })

  test('and a rate: what is too much fails at once', async () => {
    const host = make({ rate: 2, queue: 1, concurrency: 10 })
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => pull(host)))
    const failed = results.filter(({ status }) => status === 'rejected')
    expect(failed).toHaveLength(2)
    expect(failed[0]).toMatchObject({ reason: { code: 'OVERLOADED' } })
  })
})

describe('connections', () => {
  const certificate = makeCertificate('localhost')

  test('to an authority of one’s own', async () => {
    const tls = await startStubServer(CONTENT, certificate)
    await expect(pull(make({}, tls.url))).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    expect((await read(make({ ca: certificate.cert }, tls.url))).equals(BLOB)).toBe(true)
    expect(() => hostAt(tls.url, { ca: 'nonsense' })).toThrow()
    await tls.close()
  })

  test.each(['http', 'https'])('through a proxy, to a registry with %s', async (scheme) => {
    const tunnels: string[] = []
    const proxy = createServer()
    proxy.on('connect', (request: IncomingMessage, client: NodeJS.WritableStream) => {
      tunnels.push(request.url ?? '')
      const [, port] = (request.url ?? '').split(':')
      const through = connect(Number(port), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n')
        through.pipe(client).on('error', () => through.destroy())
        ;(client as unknown as NodeJS.ReadableStream).pipe(through)
      })
      through.on('error', () => undefined)
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const tls = await startStubServer(CONTENT, certificate)
    const url = scheme === 'http' ? server.url : tls.url
    const options = {
      ca: certificate.cert,
      proxy: { httpProxy: proxyUrl, httpsProxy: proxyUrl, noProxy: '' },
      allowPrivateRedirects: false,
    }
    const host = make(options, url)
    await pull(host)
    expect((await read(host)).equals(BLOB)).toBe(true)
    const count = tunnels.length
    expect(new Set(tunnels)).toEqual(new Set([new URL(url).host]))
    await make({ ...options, proxy: { ...options.proxy, noProxy: '127.0.0.1,localhost' } }, url).host.healthy(
      signal,
    )
    expect(tunnels).toHaveLength(count)
    await host.host.destroy()
    await tls.close()
    proxy.closeAllConnections()
    proxy.close()
  })
})

/** Wait for what comes as soon as it can; the test's own time limit is the end of waiting. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('JSON that is nobody’s', async () => {
  server.answer = (_, response) => replyJson(response, 404, null)
  await expect(pull(make())).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' })
})
