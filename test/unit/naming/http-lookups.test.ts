import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Agent } from 'undici'
import { GatewayLookup } from '../../../src/naming/gateway-lookup.ts'
import { KuboLookup } from '../../../src/naming/kubo-lookup.ts'
import { RememberingResolver } from '../../../src/naming/remembering-resolver.ts'
import type { NameAnswer } from '../../../src/naming/resolver.ts'
import { ed25519Key, type IpnsKey } from '../../fixtures/ipns-keys.ts'
import { dnslink } from '../../fixtures/name-lookups.ts'

const VALUE = '/ipfs/bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354'

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

let server: Server
let handler: Handler
let base: string
let dispatcher: Agent
let key: IpnsKey
const seen: { method: string; url: URL; headers: IncomingMessage['headers'] }[] = []

beforeEach(async () => {
  seen.length = 0
  server = createServer((request, response) => {
    seen.push({
      method: request.method ?? '',
      url: new URL(request.url ?? '', base),
      headers: request.headers,
    })
    void handler(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  dispatcher = new Agent()
  key = ed25519Key()
})

afterEach(async () => {
  await dispatcher.destroy()
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

const signal = new AbortController().signal

describe('a gateway', () => {
  function ask(options: { fresh?: boolean; signal?: AbortSignal } = {}): Promise<NameAnswer> {
    const headers = { authorization: 'Bearer secret' }
    const lookup = new GatewayLookup({
      name: 'gateway:test',
      baseUrl: `${base}/behind/`,
      dispatcher,
      headers,
    })
    return lookup.lookup(key.name, { signal, ...options })
  }

  test('is asked for a record, which is verified here', async () => {
    const record = await key.record({ value: VALUE, sequence: 3n, ttl: 77 })
    handler = (_request, response) => void response.end(record)
    expect(await ask()).toMatchObject({ value: VALUE, sequence: 3n, ttl: 77 })
    const [request] = seen
    expect(request).toMatchObject({
      method: 'GET',
      headers: { accept: 'application/vnd.ipfs.ipns-record', authorization: 'Bearer secret' },
    })
    expect(request?.url.pathname + (request?.url.search ?? '')).toBe(
      `/behind/ipns/${key.name.text}?format=ipns-record`,
    )
    expect(request?.headers['cache-control']).toBeUndefined()
    await ask({ fresh: true })
    expect(seen[1]?.headers['cache-control']).toBe('no-cache')
  })

  test.each<[string, () => Promise<Uint8Array>]>([
    ['expired', async () => key.record({ value: VALUE, validUntil: Date.now() - 1 })],
    ['of another key', async () => ed25519Key().record({ value: VALUE })],
    ['garbage', async () => Buffer.from('<!doctype html>')],
    ['empty', async () => Buffer.alloc(0)],
    ['too large', async () => Buffer.alloc(10 * 1024 + 1)],
  ])('that gives a record that is %s, is not believed', async (_title, make) => {
    const bytes = await make()
    handler = (_request, response) => void response.end(bytes)
    await expect(ask()).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
  })

  test('that never ends its answer is cut off', async () => {
    const closed = new Promise((resolve) => {
      handler = (_request, response) => {
        response.on('close', resolve)
        const more = (): void =>
          void (response.destroyed || response.write(Buffer.alloc(4096), () => setImmediate(more)))
        more()
      }
    })
    await expect(ask()).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
    await closed
  })

  test.each([
    [404, {}, /does not have .*404/, 5],
    [429, { 'retry-after': '7' }, /left alone.*429/, 7],
    [503, { 'retry-after': 'Wed, 21 Oct 2076 07:28:00 GMT' }, /503/, 300],
    [500, {}, /500/, 5],
    [301, { location: 'http://elsewhere.example/' }, /redirects .* to http:\/\/elsewhere\.example/, 5],
  ])('that answers %i proves nothing', async (status, headers, message, retryAfter) => {
    handler = (_request, response) => void response.writeHead(status, headers).end('words')
    await expect(ask()).rejects.toMatchObject({
      code: 'NAME_UNRESOLVED',
      message: expect.stringMatching(message) as unknown,
      retryAfter,
    })
    expect(seen).toHaveLength(1)
  })

  test('that breaks off or is not there is unresolved', async () => {
    handler = (_request, response) => void response.socket?.destroy()
    await expect(ask()).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
    handler = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('x', () => response.socket?.destroy())
    }
    await expect(ask()).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
  })

  test('is left when the signal aborts', async () => {
    const leaving = new AbortController()
    const reason = new Error('left')
    const closed = new Promise((resolve) => {
      handler = (_request, response) => {
        response.on('close', resolve)
        leaving.abort(reason)
      }
    })
    await expect(ask({ signal: leaving.signal })).rejects.toBe(reason)
    await closed
  })

  test('can not replay an older record once a newer one was seen', async () => {
    const [older, newer] = await Promise.all([
      key.record({ value: `${VALUE}/old`, sequence: 1n, ttl: 0 }),
      key.record({ value: `${VALUE}/new`, sequence: 2n, ttl: 0 }),
    ])
    let time = Date.now()
    const lookup = new GatewayLookup({ name: 'gateway:test', baseUrl: base, dispatcher })
    const resolver = new RememberingResolver({ lookups: [lookup], now: () => time })
    handler = (_request, response) => void response.end(newer)
    expect((await resolver.resolve(key.name, { signal })).path.segments).toEqual(['new'])
    handler = (_request, response) => void response.end(older)
    time += 10 * 60_000
    expect((await resolver.resolve(key.name, { signal })).path.segments).toEqual(['new'])
    expect(seen).toHaveLength(2)
    await resolver.close()
  })

  test('knows nothing of DNSLinks', () => {
    const lookup = new GatewayLookup({ name: 'gateway:test', baseUrl: base, dispatcher })
    expect([lookup.accepts(key.name), lookup.accepts(dnslink('a.example'))]).toEqual([true, false])
  })
})

describe('Kubo', () => {
  function ask(
    options: { fresh?: boolean; signal?: AbortSignal; settleFor?: number } = {},
  ): Promise<NameAnswer> {
    const { settleFor = 60_000, ...rest } = options
    const headers = { authorization: 'Bearer secret' }
    const lookup = new KuboLookup({ name: 'kubo', rpcUrl: base, dispatcher, headers, settleFor })
    return lookup.lookup(key.name, { signal, ...rest })
  }

  test('is asked for one step', async () => {
    handler = (_request, response) => void response.end(`{"Path":"${VALUE}"}\n`)
    expect(await ask()).toEqual({ value: VALUE, ttl: undefined })
    const [request] = seen
    expect(request).toMatchObject({ method: 'POST', headers: { authorization: 'Bearer secret' } })
    expect(request?.url.pathname).toBe('/api/v0/name/resolve')
    expect(Object.fromEntries(request?.url.searchParams ?? [])).toEqual({
      arg: `/ipns/${key.name.text}`,
      recursive: 'false',
      stream: 'true',
      nocache: 'false',
    })
    await ask({ fresh: true })
    expect(seen[1]?.url.searchParams.get('nocache')).toBe('true')
  })

  test('finds ever newer paths: the last counts', async () => {
    handler = (_request, response) => {
      response.write(`{"Path":"${VALUE}/1"}\n{"Pa`)
      setImmediate(() => response.end(`th":"${VALUE}/2"}\n{"Path":"${VALUE}/3"}`))
    }
    expect((await ask()).value).toBe(`${VALUE}/3`)
  })

  test('that goes on searching is not waited for after the first path', async () => {
    const closed = new Promise((resolve) => {
      handler = (_request, response) => {
        response.on('close', resolve)
        response.write(`{"Path":"${VALUE}/1"}\n`)
      }
    })
    expect((await ask({ settleFor: 5 })).value).toBe(`${VALUE}/1`)
    await closed
  })

  test('that breaks off after a path has said it', async () => {
    handler = (_request, response) => {
      response.write(`{"Path":"${VALUE}/1"}\n`, () => response.socket?.destroy())
    }
    expect((await ask()).value).toBe(`${VALUE}/1`)
  })

  test('that fails says why', async () => {
    handler = (_request, response) =>
      void response.writeHead(500).end('{"Message":"could not resolve name","Code":0,"Type":"error"}')
    await expect(ask()).rejects.toMatchObject({
      code: 'NAME_UNRESOLVED',
      message: 'kubo: could not resolve name',
    })
    handler = (_request, response) => void response.writeHead(403).end('403 - Forbidden')
    await expect(ask()).rejects.toMatchObject({ message: expect.stringContaining('credentials') as unknown })
    handler = (_request, response) => {
      response.writeHead(200, { trailer: 'X-Stream-Error' })
      response.flushHeaders()
      response.addTrailers({ 'X-Stream-Error': 'routing: not found' })
      response.end()
    }
    await expect(ask()).rejects.toMatchObject({
      code: 'NAME_UNRESOLVED',
      message: 'kubo: routing: not found',
    })
    handler = (_request, response) => void response.end('{}\n[]\nnull\nwords')
    await expect(ask()).rejects.toMatchObject({
      code: 'NAME_UNRESOLVED',
      message: 'kubo: no record of the key was found',
    })
    handler = (_request, response) => void response.socket?.destroy()
    await expect(ask()).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
  })

  test('that never ends a line is cut off', async () => {
    handler = (_request, response) => {
      const more = (): void =>
        void (response.destroyed || response.write(Buffer.alloc(65536, 'x'), () => setImmediate(more)))
      more()
    }
    await expect(ask()).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
  })

  test('is left when the signal aborts', async () => {
    const leaving = new AbortController()
    const reason = new Error('left')
    handler = () => leaving.abort(reason)
    await expect(ask({ signal: leaving.signal })).rejects.toBe(reason)
  })
})
