import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Flags } from '../../src/config/load.ts'
import type { Descriptor } from '../../src/layout/descriptor.ts'
import type { Digest } from '../../src/reference/digest.ts'
import { until } from '../fixtures/blob-store.ts'
import { patternBytes } from '../fixtures/content-tree.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { ask, begin, errorOf, finish, type RawAnswer, type RawRequest } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'
import { reply, startStubServer } from '../fixtures/stub-upstream.ts'
import { startUpstreamRegistry, type UpstreamRegistry } from '../fixtures/upstream-registry.ts'

/** More than is held back of a blob, or kept in memory of one. */
const LARGE = 700 * 1024

let folder: Awaited<ReturnType<typeof storeFolder>>
let upstream: UpstreamRegistry
let gateway: ServedGateway
let image: Descriptor
let layer: Descriptor

beforeEach(async () => {
  folder = await storeFolder()
  upstream = await startUpstreamRegistry()
  const bytes = patternBytes(LARGE, 1)
  image = upstream.images.image({ layers: [bytes] })
  layer = upstream.images.blob(bytes, 'application/layer')
  upstream.push('library/alpine', '3.19', image)
})

afterEach(async () => {
  await gateway.stop()
  await upstream.close()
  await folder.remove()
})

async function start(flags: Flags = {}, options = ''): Promise<void> {
  gateway = await startServedGateway(folder.path, {
    source: ['embedded'],
    upstream: [`docker.io=${upstream.server.url}${options}`],
    ...flags,
  })
}

const get = (path: string, options?: RawRequest): Promise<RawAnswer> => ask(gateway.port, path, options)
const manifest = (reference = '3.19', name = 'library/alpine'): string => `/v2/${name}/manifests/${reference}`
const blob = ({ digest }: Descriptor, name = 'library/alpine'): string => `/v2/${name}/blobs/${digest}`
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** Manifest by tag, then by digest, config and layers, as a client does it. */
async function pull(name = 'library/alpine', query = ''): Promise<void> {
  const head = await get(manifest('3.19', name) + query, { method: 'HEAD' })
  expect([head.status, head.headers['docker-content-digest']]).toEqual([200, image.digest])
  const got = await get(manifest(image.digest, name) + query)
  expect(sha256(got.body)).toBe(image.digest)
  const { config, layers } = JSON.parse(got.body.toString()) as { config: Descriptor; layers: Descriptor[] }
  for (const one of [config, ...layers]) {
    const answer = await get(blob(one, name) + query)
    expect([answer.status, answer.complete, sha256(answer.body)]).toEqual([200, true, one.digest])
  }
}

describe('an image of an upstream', () => {
  test.each([
    ['library/alpine', ''],
    ['alpine', ''],
    ['docker.io/library/alpine', ''],
    ['registry-1.docker.io/alpine', ''],
    ['library/alpine', '?ns=docker.io'],
    ['alpine', '?ns=registry-1.docker.io'],
  ])('is pulled as %s%s, with one request for each object', async (name, query) => {
    await start()
    await pull(name, query)
    await pull(name, query)
    const [{ config }] = [
      JSON.parse((await get(manifest(image.digest))).body.toString()) as { config: Descriptor },
    ]
    expect(upstream.asked()).toEqual([
      'GET manifests/3.19',
      `GET blobs/${config.digest}`,
      `GET blobs/${layer.digest}`,
    ])
  })

  test('is fetched once for fifty clients', async () => {
    await start()
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const [tag, bytes] = [await get(manifest()), await get(blob(layer))]
        return [tag.headers['docker-content-digest'], sha256(bytes.body)]
      }),
    )
    expect(new Set(answers.flat())).toEqual(new Set([image.digest, layer.digest]))
    expect(upstream.asked()).toEqual(['GET manifests/3.19', `GET blobs/${layer.digest}`])
  })

  test('names its registry where the request did', async () => {
    await start()
    expect((await get(`${manifest()}?ns=docker.io`)).headers['oci-namespace']).toBe('docker.io')
    expect((await get(manifest())).headers).not.toHaveProperty('oci-namespace')
  })

  test('ranges are fetched as such, and answered from the cache later', async () => {
    await start()
    const headers = { range: 'bytes=600000-' }
    const cold = await get(blob(layer), { headers })
    expect([cold.status, cold.body.equals(patternBytes(LARGE, 1).subarray(600_000))]).toEqual([206, true])
    await get(blob(layer))
    upstream.fault = (_, response) => response.destroy()
    const warm = await get(blob(layer), { headers })
    expect(warm.body.equals(cold.body)).toBe(true)
  })
})

describe('a tag', () => {
  test('is not asked for again within its time, and then by HEAD alone', async () => {
    await start({ 'tag-ttl': '1h' })
    await get(manifest())
    await get(manifest())
    expect(upstream.asked()).toEqual(['GET manifests/3.19'])
    await gateway.stop()
    await start({ 'tag-ttl': '0' })
    expect((await get(manifest())).status).toBe(200)
    expect(upstream.asked().slice(1)).toEqual(['HEAD manifests/3.19'])
  })

  test('that has moved leads to where it leads now', async () => {
    await start({ 'tag-ttl': '0' })
    await get(manifest())
    const next = upstream.images.image({ content: 'next' })
    upstream.push('library/alpine', '3.19', next)
    expect((await get(manifest())).headers['docker-content-digest']).toBe(next.digest)
    // What a pull under way still wants is there.
    expect((await get(manifest(image.digest))).status).toBe(200)
  })

  test.each<[string, UpstreamRegistry['fault']]>([
    ['down', (_, response) => response.destroy()],
    ['broken', (_, response) => reply(response, 500)],
    ['limited', (_, response) => reply(response, 429, { 'retry-after': '60' })],
    ['wrong', (_, response) => reply(response, 200, { 'content-type': 'text/html' }, '<html>')],
  ])('is served as it was when its upstream is %s, and says so, also after a restart', async (_, fault) => {
    await start({ 'tag-ttl': '0' })
    await pull()
    await gateway.stop()
    upstream.fault = fault
    await start({ 'tag-ttl': '0' })
    const answer = await get(manifest())
    expect([answer.status, answer.headers['docker-content-digest']]).toEqual([200, image.digest])
    expect(answer.headers.warning).toMatch(
      /^299 - "the upstream could not be asked; serving what it said at 20/,
    )
    await pull()
  })

  test('that is gone upstream is gone, and one that is refused is refused', async () => {
    await start({ 'tag-ttl': '0' })
    await get(manifest())
    upstream.fault = (_, response) => reply(response, 403, { 'content-type': 'application/json' }, '{}')
    expect(errorOf(await get(manifest()))).toMatchObject({ code: 'DENIED' })
    upstream.fault = (_, response) => reply(response, 404, { 'content-type': 'application/json' }, '{}')
    expect((await get(manifest())).status).toBe(404)
    // It is not remembered either.
    upstream.fault = (_, response) => response.destroy()
    expect((await get(manifest())).status).toBe(503)
  })

  test('is not served stale beyond its time', async () => {
    await start({ 'tag-ttl': '0', 'tag-stale': '0' })
    await get(manifest())
    upstream.fault = (_, response) => response.destroy()
    const answer = await get(manifest())
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5'])
  })

  test('whose upstream hangs is served as it was', async () => {
    await start({ 'tag-ttl': '0', 'mirror-timeout': '300ms' })
    await get(manifest())
    upstream.fault = () => undefined
    const answer = await get(`${manifest()}?ns=docker.io`)
    expect([answer.status, answer.headers.warning]).toEqual([200, expect.stringContaining('299 - ')])
  })
})

describe('what is in the cache', () => {
  test('is given by a repository that holds it too, without being fetched again', async () => {
    upstream.push(
      'team/app',
      '3.19',
      upstream.images.image({ content: 'app', layers: [patternBytes(LARGE, 1)] }),
    )
    await start()
    await pull()
    await get(manifest('3.19', 'team/app'))
    expect((await get(blob(layer, 'team/app'))).status).toBe(200)
    expect(upstream.asked().filter((one) => one.endsWith(layer.digest))).toEqual([
      `GET blobs/${layer.digest}`,
    ])
  })

  test('is asked about where it is not known to be held', async () => {
    upstream.push('team/app', '3.19', upstream.images.image({ content: 'app' }))
    await start()
    await pull()
    const other = await get(blob(layer, 'team/app'))
    expect([other.status, errorOf(other).code]).toEqual([404, 'BLOB_UNKNOWN'])
    const manifests = await get(manifest(image.digest, 'team/app'))
    expect([manifests.status, errorOf(manifests).code]).toEqual([404, 'MANIFEST_UNKNOWN'])
    expect((await get(blob(layer, 'nobody/app'))).status).toBe(404)
    expect(upstream.asked().slice(3)).toEqual([
      `HEAD blobs/${layer.digest}`,
      `HEAD manifests/${image.digest}`,
      `HEAD blobs/${layer.digest}`,
    ])
  })

  test('is not shared while it is on its way either', async () => {
    upstream.push('team/app', '3.19', upstream.images.image({ content: 'app' }))
    await start()
    upstream.fault = (request, response, answer) => {
      if (request.method === 'GET' && request.url.startsWith('/v2/library/'))
        response
          .writeHead(200, {
            'content-length': LARGE,
          })
          .write(patternBytes(LARGE, 1).subarray(0, 400_000))
      else void answer(request, response)
    }
    const open = await begin(gateway.port, blob(layer))
    const other = await get(blob(layer, 'team/app'))
    expect([other.status, errorOf(other).code]).toEqual([404, 'BLOB_UNKNOWN'])
    open.destroy()
  })
})

describe('wrong bytes', () => {
  const damaged = (bytes: Uint8Array, at: number): Uint8Array => {
    const copy = Uint8Array.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy
  }

  test.each([0, LARGE - 1])('of a layer never come to their end (byte %d), and are not kept', async (at) => {
    await start()
    upstream.fault = ({ url }, response, answer) =>
      url.includes('/blobs/')
        ? reply(response, 200, {}, damaged(patternBytes(LARGE, 1), at))
        : answer({ method: 'GET', url, headers: {}, body: '' }, response)
    const answer = await get(blob(layer))
    expect(answer.status === 200 && answer.complete).toBe(false)
    upstream.fault = undefined
    expect(sha256((await get(blob(layer))).body)).toBe(layer.digest)
  })

  test('of another length than the layer leave no wrong size behind', async () => {
    await start()
    for (const body of ['', 'too short']) {
      upstream.fault = (_, response) => reply(response, 200, {}, body)
      expect((await get(blob(layer))).status).toBe(502)
      upstream.fault = undefined
      const part = await get(blob(layer), { headers: { range: 'bytes=600000-600009' } })
      expect(part.headers['content-range']).toBe(`bytes 600000-600009/${LARGE}`)
    }
    expect(sha256((await get(blob(layer))).body)).toBe(layer.digest)
  })

  test('of a manifest are 502 or not there, and are not kept', async () => {
    await start()
    const { files } = { files: upstream.images.files() }
    const bytes = files.get(`blobs/${image.digest.replace(':', '/')}`) ?? Buffer.alloc(0)
    upstream.fault = (_, response) =>
      reply(
        response,
        200,
        { 'content-type': image.mediaType, 'docker-content-digest': image.digest },
        damaged(bytes, 30),
      )
    for (const reference of ['3.19', image.digest]) {
      expect((await get(manifest(reference))).status).toBe(502)
    }
    upstream.fault = undefined
    await pull()
  })
})

describe('a fall-back', () => {
  test('goes on from the byte where the registry broke off', async () => {
    const second = await startUpstreamRegistry()
    second.push('library/alpine', '3.19', second.images.image({ layers: [patternBytes(LARGE, 1)] }))
    await start({}, `;fallback=${second.server.url}`)
    upstream.fault = (request, response, answer) => {
      if (!request.url.endsWith(layer.digest)) return answer(request, response)
      response.writeHead(200, { 'content-length': LARGE })
      response.write(patternBytes(LARGE, 1).subarray(0, 300_000))
      response.socket?.destroySoon()
      return undefined
    }
    await pull()
    const [again] = second.server.requests.filter(({ url }) => url.endsWith(layer.digest))
    expect(again?.headers.range).toMatch(/^bytes=[1-9]\d*-/)
    await second.close()
  })

  test('that does not have it says nothing of the registry itself', async () => {
    const second = await startUpstreamRegistry()
    await start({}, `;fallback=${second.server.url}`)
    upstream.fault = (_, response) => reply(response, 500)
    expect((await get(manifest())).status).toBe(503)
    upstream.fault = undefined
    await second.close()
    const gone = await get(manifest('3.20'))
    expect([gone.status, errorOf(gone).code]).toEqual([404, 'MANIFEST_UNKNOWN'])
  })
})

describe('names', () => {
  test('of registries that are not configured open no connection', async () => {
    const stranger = await startStubServer()
    await start()
    const port = stranger.port
    for (const path of [
      `/v2/127.0.0.1/app/manifests/v1`,
      `/v2/localhost/app/manifests/v1`,
      `/v2/quay.io/app/manifests/v1`,
      `/v2/app/manifests/v1?ns=127.0.0.1:${port}`,
      `/v2/app/manifests/v1?ns=localhost:${port}`,
      `/v2/app/blobs/${layer.digest}?ns=127.0.0.1:${port}`,
      `/v2/app/tags/list?ns=127.0.0.1:${port}`,
    ]) {
      const answer = await get(path, { headers: { host: `127.0.0.1:${port}` } })
      expect([path, answer.status, errorOf(answer).code]).toEqual([path, 404, 'NAME_UNKNOWN'])
    }
    expect([stranger.connections, upstream.server.connections]).toEqual([0, 0])
    await stranger.close()
  })

  test('on a deny list are refused with the rule, unless they are not on the allow list either', async () => {
    await start({}, ';allow=library/*;allow=team/**;deny=team/secret/*')
    expect((await get(manifest())).status).toBe(200)
    const asked = upstream.asked().length
    for (const [name, why] of [
      ['team/secret/app', 'it is on the deny list ("team/secret/*")'],
      ['other/app', 'it is not on the allow list'],
    ] as const) {
      const answer = await get(manifest('v1', name))
      expect([answer.status, errorOf(answer)]).toEqual([
        403,
        { code: 'DENIED', message: `docker.io/${name} is not served by this gateway: ${why}` },
      ])
    }
    expect(upstream.asked().length).toBe(asked)
  })

  test('that are local are never asked of an upstream', async () => {
    await start({ local: ['docker.io/mycorp/**'] })
    for (const path of [manifest('v1', 'mycorp/app'), `${manifest('v1', 'mycorp/app')}?ns=docker.io`]) {
      expect(errorOf(await get(path)).message).toContain('is a local name')
    }
    expect(upstream.server.connections).toBe(0)
  })

  test.each(['mycorp/**', 'index.docker.io/mycorp/**', 'tool', 'docker.io/tool', 'library/tool', 'hub/tool'])(
    'are local in all their spellings when one of them is: %s',
    async (local) => {
      await start({ local: [local] }, ';alias=hub')
      const [name, ...others] = local.endsWith('**') ? ['mycorp/app'] : ['tool', 'library/tool']
      for (const path of [name, ...others].flatMap((one = '') => [
        manifest('v1', one),
        manifest('v1', `docker.io/${one}`),
        manifest('v1', `hub/${one}`),
        `${manifest('v1', one)}?ns=registry-1.DOCKER.io`,
      ])) {
        expect(errorOf(await get(path)).message).toContain('is a local name')
      }
      expect(upstream.server.connections).toBe(0)
    },
  )

  test('without their registry’s own folder are denied with it', async () => {
    await start({}, ';deny=alpine')
    expect((await get(manifest())).status).toBe(403)
    expect(upstream.server.connections).toBe(0)
  })

  test('of registries are in ASCII', async () => {
    await start()
    expect((await get(`${manifest()}?ns=doc%E2%84%AAer.io`)).status).toBe(404)
  })

  test('are written differently where the upstream has them', async () => {
    upstream.push('hub/library/alpine', '3.19', image)
    await start({}, ';rewrite=library/*>hub/library/$1')
    await pull()
    expect(upstream.server.requests.every(({ url }) => url.startsWith('/v2/hub/library/alpine/'))).toBe(true)
  })
})

describe('as a mirror', () => {
  const mirrored = (path: string): string => `${path}${path.includes('?') ? '&' : '?'}ns=docker.io`

  test('it gives up soon, while the search goes on', async () => {
    await start({ 'mirror-timeout': '200ms' })
    let release = (): void => undefined
    upstream.fault = (request, response, answer) => {
      release = () => void answer(request, response)
    }
    const late = await get(mirrored(manifest()))
    expect([late.status, errorOf(late).code]).toEqual([504, 'UNAVAILABLE'])
    release()
    await until(async () => (await get(mirrored(manifest()))).status === 200)
    expect(upstream.asked()).toEqual(['GET manifests/3.19'])
  })

  test('it does not let a runtime wait for its upstream’s limits', async () => {
    await start()
    upstream.fault = (_, response) => reply(response, 429, { 'retry-after': '60' })
    const direct = await get(manifest())
    expect([direct.status, errorOf(direct).code, Number(direct.headers['retry-after']) > 50]).toEqual([
      429,
      'TOOMANYREQUESTS',
      true,
    ])
    expect((await get(mirrored(manifest()))).status).toBe(503)
    // It is left alone until then.
    expect(upstream.asked().length).toBe(1)
  })

  test('a listener of one registry takes every name for one of its', async () => {
    upstream.push('ghcr.io/app', '3.19', image)
    await start({ mirror: ['127.0.0.1:0=docker.io'] })
    const address = (): RegExpExecArray | null =>
      /127\.0\.0\.1:(\d+) for docker\.io/.exec(gateway.log().join('\n'))
    await until(() => address() !== null)
    const port = Number(address()?.[1])
    expect((await ask(port, manifest('3.19', 'alpine'))).status).toBe(200)
    expect((await ask(port, manifest('3.19', 'ghcr.io/app'))).status).toBe(200)
    expect((await ask(port, '/v2/')).status).toBe(200)
  })
})

describe('a loop', () => {
  test('is found out and said', async () => {
    const hop = await startStubServer()
    gateway = await startServedGateway(folder.path, {
      source: ['embedded'],
      upstream: [`docker.io=${hop.url}`],
    })
    const direct = gateway.port
    // A server that passes on what it gets, as a gateway or a proxy before it does.
    hop.answer = async ({ url, headers }, response) => {
      const { via = '' } = headers
      const answer = await ask(direct, url, { headers: { via: `${via}, 1.1 some-proxy` } })
      reply(response, answer.status, { 'content-type': 'application/json' }, answer.body)
    }
    const answer = await get(manifest())
    expect([answer.status, errorOf(answer).message]).toEqual([508, expect.stringContaining('asks it for')])
    expect(hop.requests.length).toBe(1)
    await hop.close()
  })

  test('through another gateway is found out as well', async () => {
    const other = await storeFolder()
    const hop = await startStubServer()
    gateway = await startServedGateway(folder.path, {
      source: ['embedded'],
      upstream: [`docker.io=${hop.url}`],
    })
    const second = await startServedGateway(other.path, {
      source: ['embedded'],
      upstream: [`docker.io=http://127.0.0.1:${gateway.port}`],
    })
    hop.answer = async ({ url, headers: { via } }, response) => {
      const answer = await ask(second.port, url, via === undefined ? {} : { headers: { via } })
      reply(response, answer.status, { 'content-type': 'application/json' }, answer.body)
    }
    expect((await get(manifest())).status).toBe(508)
    expect(hop.requests.length).toBe(1)
    await second.stop()
    await hop.close()
    await other.remove()
  })
})

describe('lists', () => {
  test('of tags come page by page, each once', async () => {
    for (const tag of ['a', 'b', 'c', 'd']) upstream.push('library/alpine', tag, image)
    await start()
    const seen: string[] = []
    let path: string | undefined = '/v2/library/alpine/tags/list?n=2&ns=docker.io'
    while (path !== undefined) {
      const answer: RawAnswer = await get(path)
      const { name, tags } = JSON.parse(answer.body.toString()) as { name: string; tags: string[] }
      expect(name).toBe('library/alpine')
      seen.push(...tags)
      path = /^<(\/v2\/library\/alpine\/tags\/list\?.*)>; rel="next"$/.exec(String(answer.headers.link))?.[1]
    }
    expect(seen).toEqual(['3.19', 'a', 'b', 'c', 'd'])
    expect(upstream.server.requests.map(({ url }) => url.split('?')[1])).toEqual([
      'n=2',
      'own=1&n=2&last=a',
      'own=1&n=2&last=c',
    ])
  })

  test('are given as they were when the upstream is down', async () => {
    await start({ 'tag-ttl': '0' })
    const before = await get('/v2/library/alpine/tags/list')
    upstream.fault = (_, response) => response.destroy()
    const after = await get('/v2/library/alpine/tags/list')
    expect([after.status, after.body.equals(before.body)]).toEqual([200, true])
    expect(after.headers.warning).toContain('299')
  })

  test('of referrers come from the fall-back tag where there is no other way', async () => {
    const signature = upstream.images.artifact('application/signature', image)
    const index = upstream.images.index([{ ...signature, artifactType: 'application/signature' }])
    upstream.push('library/alpine', image.digest.replace(':', '-'), index)
    await start()
    const answer = await get(`/v2/library/alpine/referrers/${image.digest}`)
    const { manifests } = JSON.parse(answer.body.toString()) as { manifests: Descriptor[] }
    expect(manifests.map(({ digest }) => digest)).toEqual([signature.digest])
  })
})

test('clients are sent on to where the registry sends them, where that is wanted', async () => {
  const storage = await startStubServer()
  upstream.fault = (request, response, answer) =>
    request.url.includes('/blobs/')
      ? reply(response, 307, { location: `${storage.url}/signed?secret` })
      : answer(request, response)
  await start({}, ';redirect-clients=true;private-redirects=true')
  const answer = await get(blob(layer))
  expect([answer.status, answer.headers.location, answer.headers['cache-control']]).toEqual([
    307,
    `${storage.url}/signed?secret`,
    'no-store',
  ])
  expect((await get(blob(layer), { method: 'HEAD' })).status).not.toBe(307)
  await storage.close()
})

describe('an image that is pushed under the name it has upstream', () => {
  test('is asked about here alone by HEAD, so that all of it is sent', async () => {
    await start({ push: 'true' })
    const client = new PushClient(gateway.port, 'library/alpine')
    await pull()
    const before = upstream.asked().length
    const { config, layers } = JSON.parse((await get(manifest(image.digest))).body.toString()) as {
      config: Descriptor
      layers: Descriptor[]
    }
    const sent: Digest[] = []
    for (const { digest } of [config, ...layers]) {
      if ((await get(blob({ digest } as Descriptor), { method: 'HEAD' })).status === 200) continue
      const body = upstream.images.files().get(`blobs/${digest.replace(':', '/')}`)
      expect((await client.pushBlob(digest, Buffer.from(body ?? []))).status).toBe(201)
      sent.push(digest)
    }
    expect(sent).toEqual([config.digest, ...layers.map(({ digest }) => digest)])
    expect(upstream.asked()).toHaveLength(before)
    expect((await get(blob(layer), { method: 'HEAD' })).status).toBe(200)
    const bytes = (await get(manifest(image.digest))).body
    const headers = { 'content-type': image.mediaType }
    expect((await client.send('PUT', 'manifests/mine', { body: bytes, headers })).status).toBe(201)
    expect((await get(manifest('mine'))).headers['docker-content-digest']).toBe(image.digest)
  })

  test('can be asked for with what is known of it', async () => {
    await start({ push: 'true' })
    const headers = { 'if-none-match': `"${layer.digest}"` }
    expect((await get(blob(layer), { headers })).status).toBe(304)
  })

  test('is pushed while its registry can not be reached', async () => {
    await start({ push: 'true' })
    await upstream.close()
    expect((await get(blob(layer), { method: 'HEAD' })).status).toBe(404)
  })
})

test('a client that leaves ends the fetch', async () => {
  await start({ store: 'memory' })
  upstream.fault = (_, response) => {
    response.writeHead(200, { 'content-length': 10 * LARGE }).write(patternBytes(LARGE, 1))
  }
  const answer = await begin(gateway.port, blob({ ...layer, digest: image.digest }))
  answer.destroy()
  await finish(answer)
  await until(() => upstream.server.abandoned === 1)
})
