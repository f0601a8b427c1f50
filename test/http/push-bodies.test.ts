import { afterEach, describe, expect, test } from '@jest/globals'
import type { WritableRepository } from '../../src/repository/writable-repository.ts'
import { until } from '../fixtures/blob-store.ts'
import { patternBytes } from '../fixtures/content-tree.ts'
import { digestOfBytes } from '../fixtures/layouts.ts'
import { deferred } from '../fixtures/name-lookups.ts'
import { imageToPush, PushClient } from '../fixtures/push-client.ts'
import { startPushRegistry, type PushRegistry, type PushRegistryOptions } from '../fixtures/push-registry.ts'
import { ask, errorOf } from '../fixtures/raw-request.ts'
import { openSocket, wireRequest, type RawSocket } from '../fixtures/raw-socket.ts'

const BYTES = '0123456789'
const DIGEST = digestOfBytes(Buffer.from(BYTES))
const MiB = 2 ** 20
/** The end of the head of an answer without a body. */
const BODILESS = /Content-Length: 0\r\n[^]*\r\n\r\n/

let gateway: PushRegistry
let client: PushClient

async function start(options: PushRegistryOptions = {}): Promise<void> {
  gateway = await startPushRegistry(options)
  client = new PushClient(gateway.port)
}

afterEach(async () => {
  expect(gateway.defects).toEqual([])
  await gateway.close()
})

/** Some methods of the repository that is written to are others from now on. */
function replace(make: (repository: WritableRepository) => Partial<WritableRepository>): void {
  gateway.wrap = (repository) => {
    const others = make(repository)
    return new Proxy(repository, {
      get: (target, key) => {
        const own: unknown = Reflect.get(others, key) ?? Reflect.get(target, key)
        return typeof own === 'function' ? (own.bind(target) as unknown) : own
      },
    })
  }
}

const pushed = (): WritableRepository => gateway.registry.repository('team/app')
const size = async (location: string) => (await client.send('GET', location)).headers.range

function patch(location: string, length: number): string {
  return wireRequest(location, { 'Content-Length': String(length) }, 'PATCH')
}

/** An upload with a PATCH of ten bytes under way, of which some have come to the store. */
async function halfSent(): Promise<{ raw: RawSocket; location: string; seen: () => unknown }> {
  const location = await client.begin()
  let arrived = ''
  let ended: unknown = 'nothing yet'
  replace((repository) => ({
    appendUpload: (id, part, signal) => {
      async function* watched(): AsyncGenerator<Uint8Array> {
        for await (const piece of part.bytes) {
          arrived += Buffer.from(piece).toString()
          yield piece
        }
      }
      const appended = repository.appendUpload(id, { ...part, bytes: watched() }, signal)
      appended.then(
        () => (ended = 'well'),
        (error: unknown) => (ended = error),
      )
      return appended
    },
  }))
  const raw = await openSocket(gateway.port)
  raw.send(patch(location, 10) + '01234')
  await until(() => arrived === '01234')
  replace(() => ({}))
  return { raw, location, seen: () => ended }
}

describe('what is sent', () => {
  test('comes to the store as it is sent, and goes on where it is not all there at once', async () => {
    await start()
    const { raw, location, seen } = await halfSent()
    expect(seen()).toBe('nothing yet')
    raw.send('56789')
    expect(await raw.until(BODILESS)).toMatch(/^HTTP\/1\.1 202 /)
    expect(seen()).toBe('well')
    // The connection is good for more.
    raw.send(wireRequest(location))
    expect(await raw.until(/ 204 [^]*\r\n\r\n$/)).toMatch(/Range: 0-9\r\n[^]*$/)
    raw.socket.destroy()
  })

  test('waits at the client while the store takes nothing', async () => {
    await start()
    const { promise, resolve } = deferred<void>()
    const bytes = patternBytes(32 * MiB)
    let first = false
    replace((repository) => ({
      finishUpload: (id, digest, part, signal) => {
        async function* slow(): AsyncGenerator<Uint8Array> {
          for await (const piece of part?.bytes ?? []) {
            first = true
            await promise
            yield piece
          }
        }
        return repository.finishUpload(id, digest, part && { ...part, bytes: slow() }, signal)
      },
    }))
    const raw = await openSocket(gateway.port)
    const path = `/v2/team/app/blobs/uploads/?digest=${digestOfBytes(bytes)}`
    raw.send(wireRequest(path, { 'Content-Length': String(bytes.length) }, 'POST'))
    raw.socket.write(bytes)
    await until(() => first)
    for (let count = 0; count < 20; count += 1) await ask(gateway.port, '/v2/')
    expect(raw.socket.writableLength).toBeGreaterThan(16 * MiB)
    resolve()
    expect(await raw.until(BODILESS)).toMatch(/^HTTP\/1\.1 201 /)
    raw.socket.destroy()
  })

  test('may come in the chunks of HTTP', async () => {
    await start()
    const location = await client.begin()
    const raw = await openSocket(gateway.port)
    raw.send(wireRequest(location, { 'Transfer-Encoding': 'chunked' }, 'PATCH'))
    raw.send('3\r\n012\r\n7;x=y\r\n3456789\r\n0\r\n\r\n')
    expect(await raw.until(BODILESS)).toMatch(/^HTTP\/1\.1 202 [^]*Range: 0-9\r\n/)
    raw.send(
      wireRequest(`${location}?digest=${DIGEST}`, { 'Transfer-Encoding': 'chunked' }, 'PUT') + '0\r\n\r\n',
    )
    expect(await raw.until(/ 201 [^]*\r\n\r\n$/)).toContain(DIGEST)
    raw.socket.destroy()
  })

  test('in chunks that are none changes nothing', async () => {
    await start()
    const location = await client.begin()
    const raw = await openSocket(gateway.port)
    raw.send(wireRequest(location, { 'Transfer-Encoding': 'chunked' }, 'PATCH') + '3\r\n012\r\nno chunk\r\n')
    await raw.ended()
    await until(() => gateway.underWay() === 0)
    expect(await size(location)).toBe('0-0')
  })

  test('in other codings is refused', async () => {
    await start()
    const location = await client.begin()
    const raw = await openSocket(gateway.port)
    const headers = { 'Transfer-Encoding': 'gzip, chunked', Connection: 'close' }
    raw.send(wireRequest(location, headers, 'PATCH') + '0\r\n\r\n')
    expect(await raw.ended()).toMatch(/^HTTP\/1\.1 415 [^]*UNSUPPORTED/)
  })

  test('of two lengths is refused', async () => {
    await start()
    const location = await client.begin()
    const raw = await openSocket(gateway.port)
    const headers = { 'Transfer-Encoding': 'chunked', 'Content-Length': '3' }
    raw.send(wireRequest(location, headers, 'PATCH') + '3\r\n012\r\n0\r\n\r\n')
    expect(await raw.ended()).toMatch(/^HTTP\/1\.1 400 /)
    expect(await size(location)).toBe('0-0')
  })

  test('with more behind it that is no request: it is taken, and the rest is none', async () => {
    await start()
    const location = await client.begin()
    const { promise, resolve } = deferred<void>()
    replace((repository) => ({
      appendUpload: async (id, part, signal) => {
        const status = await repository.appendUpload(id, part, signal)
        resolve()
        return status
      },
    }))
    const raw = await openSocket(gateway.port)
    raw.send(patch(location, 10) + BYTES)
    await promise
    await raw.until(BODILESS)
    raw.send('0123456789')
    expect(await raw.ended()).toMatch(/^HTTP\/1\.1 202 [^]*HTTP\/1\.1 400 /)
    expect(await size(location)).toBe('0-9')
  })
})

describe('a client that breaks off', () => {
  test.each([
    ['is gone', (raw: RawSocket) => void raw.socket.destroy()],
    ['resets the connection', (raw: RawSocket) => void raw.socket.resetAndDestroy()],
    ['says that there is no more', (raw: RawSocket) => void raw.socket.end()],
  ])('and %s: the store sees it, and the upload goes on from where it was', async (_, leave) => {
    await start()
    const { raw, location, seen } = await halfSent()
    leave(raw)
    await until(() => seen() !== 'nothing yet')
    expect(seen()).toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    await until(() => gateway.underWay() === 0)
    expect(await size(location)).toBe('0-0')
    expect((await client.send('PUT', `${location}?digest=${DIGEST}`, { body: BYTES })).status).toBe(201)
  })

  test('in the one request for a blob leaves no upload', async () => {
    await start()
    const raw = await openSocket(gateway.port)
    const path = `/v2/team/app/blobs/uploads/?digest=${DIGEST}`
    raw.send(wireRequest(path, { 'Content-Length': '10' }, 'POST') + '01234')
    await until(() => gateway.registry.repository('team/app').uploads.count === 1)
    raw.socket.destroy()
    await until(() => gateway.registry.repository('team/app').uploads.count === 0)
  })

  test('and sends nothing more is ended', async () => {
    await start({ clientStallTimeout: 200 })
    const { raw, location, seen } = await halfSent()
    expect(await raw.ended()).toBe('')
    await until(() => seen() !== 'nothing yet')
    expect(await size(location)).toBe('0-0')
  })

  test('within a manifest changes nothing', async () => {
    await start()
    const raw = await openSocket(gateway.port)
    raw.send(wireRequest('/v2/team/app/manifests/v1', { 'Content-Length': '10' }, 'PUT') + '{')
    await until(() => gateway.underWay() === 1)
    raw.socket.destroy()
    await until(() => gateway.underWay() === 0)
    expect(gateway.registry.names()).toEqual([])
  })
})

describe('two requests at one upload', () => {
  test('the second is refused, the first goes on', async () => {
    await start()
    const { raw, location } = await halfSent()
    for (const [method, body] of [
      ['PATCH', 'abc'],
      ['PUT', BYTES],
      ['PUT', ''],
    ] as const) {
      const answer = await client.send(method, `${location}?digest=${DIGEST}`, { body })
      expect([answer.status, errorOf(answer).code]).toEqual([409, 'BLOB_UPLOAD_INVALID'])
    }
    raw.send('56789')
    expect(await raw.until(BODILESS)).toMatch(/^HTTP\/1\.1 202 /)
    expect((await client.send('PUT', `${location}?digest=${DIGEST}`)).status).toBe(201)
    raw.socket.destroy()
  })

  test('one behind the other on a connection: what is taken is in order', async () => {
    await start()
    const location = await client.begin()
    const raw = await openSocket(gateway.port)
    const headers = { 'Content-Length': '5', 'Content-Range': '5-9' }
    raw.send(patch(location, 5) + '01234' + wireRequest(location, headers, 'PATCH') + '56789')
    const text = await raw.until(/HTTP[^]*HTTP[^]*\r\n\r\n/)
    expect(text).toMatch(/^HTTP\/1\.1 202 [^]*HTTP\/1\.1 (202|409|416) /)
    const taken = / 202 [^]* 202 /.test(text) ? '0-9' : '0-4'
    expect(await size(location)).toBe(taken)
    raw.socket.destroy()
  })
})

describe('time', () => {
  /** Resolves when a request that gets no answer has had its time. */
  async function timeOfOneAnswer(): Promise<void> {
    replace(() => ({ uploadStatus: (_id, signal) => aborted(signal) }))
    expect((await client.send('GET', 'blobs/uploads/any')).status).toBe(504)
    replace(() => ({}))
  }

  test('an upload has as much as it wants while something comes', async () => {
    await start({ answerTimeout: 150, pushTimeout: 150 })
    const { raw } = await halfSent()
    await timeOfOneAnswer()
    raw.send('56789')
    expect(await raw.until(BODILESS)).toMatch(/^HTTP\/1\.1 202 /)
    raw.socket.destroy()
  })

  test('a manifest has to come whole', async () => {
    await start({ answerTimeout: 150 })
    const raw = await openSocket(gateway.port)
    raw.send(wireRequest('/v2/team/app/manifests/v1', { 'Content-Length': '10' }, 'PUT') + '{')
    expect(await raw.ended()).toMatch(/^HTTP\/1\.1 504 [^]*Connection: close\r\n[^]*did not come/)
  })

  test.each(['PUT', 'PATCH'])('storing it has its own, counted from the last byte: %s', async (method) => {
    await start({ pushTimeout: 200 })
    const { promise } = deferred<never>()
    const endless = async (part: { bytes: AsyncIterable<Uint8Array> } | undefined): Promise<never> => {
      let size = 0
      for await (const piece of part?.bytes ?? []) size += piece.length
      expect(size).toBe(10)
      return promise
    }
    replace(() => ({
      appendUpload: (_id, part, signal) => Promise.race([endless(part), aborted(signal)]),
      finishUpload: (_id, _digest, part, signal) => Promise.race([endless(part), aborted(signal)]),
    }))
    const location = await client.begin()
    const answer = await client.send(method, `${location}?digest=${DIGEST}`, { body: BYTES })
    expect([answer.status, errorOf(answer).code]).toEqual([504, 'UNAVAILABLE'])
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  })

  function aborted(signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  }
})

describe('Expect: 100-continue', () => {
  const image = imageToPush()
  const expecting = (length: number, more: Record<string, string> = {}) => ({
    'Content-Length': String(length),
    Expect: '100-continue',
    ...more,
  })

  test('whoever is taken is told to go on, and keeps the connection', async () => {
    await start()
    const location = await client.begin()
    const raw = await openSocket(gateway.port)
    raw.send(wireRequest(`${location}?digest=${DIGEST}`, expecting(10), 'PUT'))
    expect(await raw.until(/\r\n\r\n/)).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    raw.send(BYTES)
    expect(await raw.until(BODILESS)).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /)
    for (const [digest, bytes] of image.blobs) await client.pushBlob(digest, bytes)
    const type = { 'Content-Type': image.mediaType }
    raw.send(wireRequest('/v2/team/app/manifests/v1', expecting(image.bytes.length, type), 'PUT'))
    await raw.until(/ 201 [^]* 100 Continue\r\n\r\n$/)
    raw.socket.write(image.bytes)
    expect(await raw.until(/ 100 [^]* 201 [^]* 100 [^]* 201 [^]*\r\n\r\n$/)).not.toContain(
      'Connection: close',
    )
    raw.socket.destroy()
  })

  test.each([
    ['an upload that is unknown', 'PUT', `blobs/uploads/none?digest=${DIGEST}`, {}, 404],
    ['no digest', 'POST', 'blobs/uploads/?digest=abc', {}, 400],
    ['a range that is none', 'PATCH', 'blobs/uploads/none', { 'Content-Range': 'x' }, 400],
    ['what is encoded', 'PATCH', 'blobs/uploads/none', { 'Content-Encoding': 'gzip' }, 415],
    ['no tag', 'PUT', 'manifests/.v1', {}, 400],
    ['a web page', 'PUT', 'manifests/v1', { Origin: 'http://evil.example' }, 403],
    ['what nothing is done with', 'PUT', 'tags/list', {}, 405],
    ['a manifest that is too large', 'PUT', 'manifests/v1', { 'Content-Length': '5000000' }, 413],
  ])('%s is refused before the body is sent: %s %s', async (_, method, path, headers, status) => {
    await start()
    const raw = await openSocket(gateway.port)
    raw.send(wireRequest(`/v2/team/app/${path}`, expecting(10, headers), method))
    const text = await raw.ended()
    expect(text.startsWith(`HTTP/1.1 ${status} `)).toBe(true)
    expect(text).toMatch(/Connection: close\r\n[^]*\{"errors":/)
  })

  test('an upload that begins wants no body', async () => {
    await start()
    const raw = await openSocket(gateway.port)
    raw.send(wireRequest('/v2/team/app/blobs/uploads/', expecting(10), 'POST'))
    expect(await raw.ended()).toMatch(/^HTTP\/1\.1 202 [^]*Connection: close/)
  })
})

describe('a refusal reaches whoever is still sending', () => {
  const path = '/v2/team/app/manifests/v1'

  test.each([
    ['says how much it is', { 'Content-Length': String(6 * MiB) }],
    ['does not say', { 'Transfer-Encoding': 'chunked' }],
  ])('a manifest that is too large, from a client that %s', async (_, headers: Record<string, string>) => {
    await start()
    const raw = await openSocket(gateway.port)
    raw.send(wireRequest(path, headers, 'PUT'))
    const chunked = 'Transfer-Encoding' in headers
    if (chunked) raw.send(`${(6 * MiB).toString(16)}\r\n`)
    // Reads nothing before it has sent everything.
    raw.socket.pause()
    await new Promise<void>((resolve) => raw.socket.write(Buffer.alloc(6 * MiB), () => resolve()))
    if (chunked) raw.send('\r\n0\r\n\r\n')
    raw.socket.resume()
    const text = await raw.ended()
    expect(text).toMatch(/^HTTP\/1\.1 413 [^]*Connection: close\r\n[^]*MANIFEST_INVALID/)
    expect(pushed()).toMatchObject({ manifests: new Map() })
  })

  test('also where nothing is pushed', async () => {
    await start()
    const raw = await openSocket(gateway.port)
    raw.send(wireRequest('/v2/content/x/manifests/v1', { 'Content-Length': String(MiB) }, 'PUT'))
    raw.socket.pause()
    await new Promise<void>((resolve) => raw.socket.write(Buffer.alloc(MiB), () => resolve()))
    raw.socket.resume()
    expect(await raw.ended()).toMatch(/^HTTP\/1\.1 405 [^]*UNSUPPORTED/)
  })

  test('who does not stop is left', async () => {
    await start()
    const raw = await openSocket(gateway.port)
    raw.send(wireRequest(path, { 'Content-Length': String(2 ** 40) }, 'PUT'))
    const more = (): void => {
      while (!raw.socket.destroyed && raw.socket.write(Buffer.alloc(MiB)));
    }
    raw.socket.on('drain', more)
    more()
    expect(await raw.ended()).toMatch(/^HTTP\/1\.1 413 /)
    await until(() => gateway.underWay() === 0)
    expect(gateway.log[0]?.received).toBeLessThan(16 * MiB)
  })

  test('a body that has come whole leaves the connection as it was', async () => {
    await start()
    const raw = await openSocket(gateway.port)
    raw.send(wireRequest(path, { 'Content-Length': '2' }, 'PUT') + '[]' + wireRequest('/v2/'))
    expect(await raw.until(/\{\}$/)).toMatch(/^HTTP\/1\.1 400 [^]*MANIFEST_INVALID[^]*HTTP\/1\.1 200 /)
    raw.socket.destroy()
  })

  test('more manifests than there is memory for are refused until others are stored', async () => {
    await start({ push: { maxManifestSize: 1000 } })
    const { promise, resolve } = deferred<void>()
    let held = 0
    replace((repository) => ({
      putManifest: async (manifest, signal) => {
        held += 1
        await promise
        return repository.putManifest(manifest, signal)
      },
    }))
    const put = () => client.putManifest('v1', ' '.repeat(1000), '')
    const first = Array.from({ length: 16 }, put)
    await until(() => held === 16)
    const refused = await client.putManifest('v1', ' ', '')
    expect([refused.status, errorOf(refused).code]).toEqual([503, 'UNAVAILABLE'])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    resolve()
    for (const { status } of await Promise.all(first)) expect(status).toBe(400)
    expect((await put()).status).toBe(400)
  })

  test('a manifest of just the limit is read', async () => {
    await start({ push: { maxManifestSize: 1000 } })
    const sent = async (length: number) => (await client.putManifest('v1', ' '.repeat(length), '')).status
    expect([await sent(1000), await sent(1001)]).toEqual([400, 413])
  })
})
