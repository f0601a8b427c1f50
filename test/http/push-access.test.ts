import { afterEach, describe, expect, test } from '@jest/globals'
import { Failure } from '../../src/errors.ts'
import type { Access, Action, Principal } from '../../src/registry/access.ts'
import { digestOfBytes } from '../fixtures/layouts.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { startPushRegistry, type PushRegistry, type PushRegistryOptions } from '../fixtures/push-registry.ts'
import { ask, errorOf } from '../fixtures/raw-request.ts'

const DIGEST = digestOfBytes(Buffer.from('0123456789'))

let gateway: PushRegistry
let client: PushClient

async function start(options: PushRegistryOptions = {}, name?: string): Promise<void> {
  gateway = await startPushRegistry(options)
  client = new PushClient(gateway.port, name)
}

afterEach(async () => {
  expect(gateway.defects).toEqual([])
  await gateway.close()
})

const PATHS = {
  base: '/v2/',
  manifest: 'manifests/v1',
  blob: `blobs/${DIGEST}`,
  uploads: 'blobs/uploads/',
  upload: 'blobs/uploads/none',
  tags: 'tags/list',
  referrers: `referrers/${DIGEST}`,
  catalog: '/v2/_catalog',
}
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

describe('methods', () => {
  test.each([
    ['with deletions', 'team/app', true, 'GET, HEAD, PUT, DELETE', 'GET, HEAD, DELETE', 'POST'],
    ['without deletions', 'team/app', false, 'GET, HEAD, PUT', 'GET, HEAD', 'POST'],
    ['of a name that is content', 'content/app', true, 'GET, HEAD', 'GET, HEAD', 'GET, HEAD'],
  ])('%s: what is not in Allow is refused with it', async (_, name, deletes, manifest, blob, uploads) => {
    await start({ push: { deletes }, catalog: true }, name)
    const upload = uploads === 'POST' ? 'GET, HEAD, PATCH, PUT, DELETE' : uploads
    const reading = 'GET, HEAD'
    const allow: Record<keyof typeof PATHS, string> = {
      ...{ base: reading, tags: reading, referrers: reading, catalog: reading },
      ...{ manifest, blob, uploads, upload },
    }
    for (const [kind, path] of Object.entries(PATHS)) {
      const allowed = allow[kind as keyof typeof PATHS]
      for (const method of METHODS) {
        const answer = await client.send(method, path)
        const told = [method, kind, answer.status === 405 ? answer.headers.allow : undefined]
        expect(told).toEqual([method, kind, allowed.split(', ').includes(method) ? undefined : allowed])
        if (answer.status === 405 && method !== 'HEAD') expect(errorOf(answer).code).toBe('UNSUPPORTED')
      }
    }
  })

  test('the message says what to do', async () => {
    await start({ push: { deletes: false } })
    expect(errorOf(await client.send('DELETE', 'manifests/v1')).message).toContain('--delete')
    expect(errorOf(await client.send('DELETE', PATHS.blob)).message).toContain('--delete')
    const content = new PushClient(gateway.port, 'content/app')
    expect(errorOf(await content.send('PUT', 'manifests/v1')).message).toContain('"content/app"')
    const status = await content.send('GET', 'blobs/uploads/none')
    expect([status.status, errorOf(status).code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN'])
  })
})

describe('without authentication', () => {
  const begin = async (headers: Record<string, string>) => {
    const answer = await client.send('POST', 'blobs/uploads/', { headers })
    return answer.status === 202 ? 202 : [answer.status, errorOf(answer).code]
  }
  const DENIED = [403, 'DENIED']

  test.each([
    ['localhost', 202],
    ['localhost:5000', 202],
    ['LocalHost:5000', 202],
    ['registry.localhost', 202],
    ['127.0.0.1:5000', 202],
    ['127.8.9.10', 202],
    ['[::1]:5000', 202],
    ['registry.example.org', 202],
    ['Registry.Example.org:8443', 202],
    ['[fd00::1]:5000', 202],
    ['evil.example', DENIED],
    ['127.0.0.1.evil.example', DENIED],
    ['localhost.evil.example', DENIED],
    ['notlocalhost', DENIED],
    ['192.168.0.7:5000', DENIED],
    ['[fd00::2]:5000', DENIED],
    ['a b', DENIED],
  ])('a push to the host "%s": %j', async (host, expected) => {
    await start({ push: { hosts: ['registry.example.org', 'fd00::1'] } })
    expect(await begin({ host })).toEqual(expected)
  })

  test.each([
    ['http://localhost:5000', 'localhost:5000', 202],
    ['http://localhost', 'localhost', 202],
    ['http://localhost', 'localhost:80', 202],
    ['https://localhost', 'localhost:443', 202],
    ['http://localhost:3000', 'localhost:5000', DENIED],
    ['http://127.0.0.1:5000', 'localhost:5000', DENIED],
    ['https://evil.example', 'localhost:5000', DENIED],
    ['http://evil.example:5000', 'evil.example:5000', DENIED],
    ['null', 'localhost:5000', DENIED],
    ['', 'localhost:5000', DENIED],
  ])('a push from a page of "%s" to "%s": %j', async (origin, host, expected) => {
    await start()
    expect(await begin({ origin, host })).toEqual(expected)
  })

  test('whatever writes is refused, whatever reads is not', async () => {
    await start({ catalog: true })
    const headers = { host: 'evil.example', origin: 'http://evil.example' }
    for (const path of Object.values(PATHS)) {
      for (const method of METHODS) {
        const { status } = await client.send(method, path, { headers })
        expect([method, path, status === 403]).toEqual([method, path, method !== 'GET' && method !== 'HEAD'])
      }
    }
    const answer = await client.send('POST', 'blobs/uploads/', { headers })
    expect(errorOf(answer).message).toContain('--push-host evil.example')
  })
})

describe('with authentication', () => {
  interface Check {
    readonly name: string
    readonly action: Action
  }

  /** Lets do what the test says, and notes what it was asked. */
  function accessFor(may: (action: Action, name: string) => boolean): Access & { readonly checks: Check[] } {
    const checks: Check[] = []
    const principal: Principal = { user: 'somebody', may: (action, { name }) => may(action, name) }
    return {
      checks,
      identify: () => Promise.resolve(principal),
      checkCatalog: () => Promise.resolve(principal),
      isPrivate: () => false,
      check: (_req, res, { action, name }) => {
        checks.push({ action, name })
        if (may(action, name)) return Promise.resolve(principal)
        res.setHeader('WWW-Authenticate', 'Bearer realm="http://localhost/token"')
        return Promise.reject(new Failure('UNAUTHORIZED', 'authentication required'))
      },
    }
  }

  test('nothing is told or done before it is known who asks', async () => {
    const access = accessFor(() => false)
    await start({ access }, 'content/app')
    for (const [kind, path] of Object.entries(PATHS)) {
      if (path.startsWith('/')) continue
      for (const method of METHODS) {
        const answer = await client.send(method, path)
        expect([kind, method, answer.status, answer.headers['www-authenticate']]).toEqual([
          kind,
          method,
          401,
          'Bearer realm="http://localhost/token"',
        ])
        expect(answer.headers.allow).toBeUndefined()
      }
    }
  })

  test.each([
    ['GET', PATHS.manifest, 'pull'],
    ['PUT', PATHS.manifest, 'push'],
    ['DELETE', PATHS.manifest, 'delete'],
    ['HEAD', PATHS.blob, 'pull'],
    ['DELETE', PATHS.blob, 'delete'],
    ['POST', PATHS.uploads, 'push'],
    ['GET', PATHS.upload, 'push'],
    ['PATCH', PATHS.upload, 'push'],
    ['PUT', PATHS.upload, 'push'],
    ['DELETE', PATHS.upload, 'push'],
    ['GET', PATHS.tags, 'pull'],
    ['GET', PATHS.referrers, 'pull'],
  ] as const)('%s of %s is a %s', async (method, path, action) => {
    const access = accessFor(() => true)
    await start({ access })
    await client.send(method, path)
    expect(access.checks).toEqual([{ action, name: 'team/app' }])
  })

  test('the host and origin of a request do not matter', async () => {
    await start({ access: accessFor(() => true) })
    const headers = { host: 'registry.example', origin: 'https://elsewhere.example' }
    expect((await client.send('POST', 'blobs/uploads/', { headers })).status).toBe(202)
  })

  test.each([`from=secret/app`, ''])('nothing is mounted with "%s" that may not be pulled', async (query) => {
    let hidden = false
    await start({
      access: accessFor((action, name) => !(hidden && action === 'pull' && name === 'secret/app')),
    })
    const mount = `blobs/uploads/?mount=${DIGEST}&${query}`
    await new PushClient(gateway.port, 'secret/app').pushBlob(DIGEST, '0123456789')
    hidden = true
    expect((await client.send('POST', mount)).status).toBe(202)
    expect(gateway.registry.repository('team/app').blobs.size).toBe(0)
    hidden = false
    expect((await client.send('POST', mount)).status).toBe(201)
  })

  test('each sees in the catalogue what they may pull', async () => {
    await start({ access: accessFor((action, name) => action === 'push' || name !== 'b'), catalog: true })
    for (const name of ['c', 'a', 'b'])
      await new PushClient(gateway.port, name).pushBlob(DIGEST, '0123456789')
    const { body } = await ask(gateway.port, '/v2/_catalog')
    expect(JSON.parse(body.toString())).toEqual({ repositories: ['a', 'c'] })
  })
})

describe('the catalogue', () => {
  const names = ['B', 'a', 'a/b', 'c']

  async function withRepositories(): Promise<void> {
    await start({ catalog: true })
    for (const name of [...names].reverse()) {
      await new PushClient(gateway.port, name).pushBlob(DIGEST, '0123456789')
    }
  }

  const list = async (query: string) => {
    const { status, headers, body } = await ask(gateway.port, `/v2/_catalog${query}`)
    expect([status, headers['content-type']]).toEqual([200, 'application/json'])
    const { repositories } = JSON.parse(body.toString()) as { repositories: string[] }
    return { repositories, link: headers.link }
  }

  test('is sorted, and comes in pages', async () => {
    await withRepositories()
    expect(await list('')).toEqual({ repositories: names, link: undefined })
    expect(await list('?n=2')).toEqual({
      repositories: ['B', 'a'],
      link: '</v2/_catalog?n=2&last=a>; rel="next"',
    })
    expect(await list('?n=2&last=a')).toEqual({ repositories: ['a/b', 'c'], link: undefined })
    expect(await list('?n=1&last=a%2Fb')).toEqual({ repositories: ['c'], link: undefined })
    expect(await list('?last=z')).toEqual({ repositories: [], link: undefined })
    expect(await list('?n=0')).toEqual({ repositories: [], link: undefined })
    const head = await ask(gateway.port, '/v2/_catalog', { method: 'HEAD' })
    expect([head.status, head.body.length]).toEqual([200, 0])
    expect(Number(head.headers['content-length'])).toBeGreaterThan(0)
  })

  test('refuses a page of no size', async () => {
    await withRepositories()
    for (const n of ['-1', 'x', '']) {
      const answer = await ask(gateway.port, `/v2/_catalog?n=${n}`)
      expect([answer.status, errorOf(answer).code]).toEqual([400, 'PAGINATION_NUMBER_INVALID'])
    }
  })

  test('is no part of a registry that lists nothing', async () => {
    await start()
    const answer = await ask(gateway.port, '/v2/_catalog')
    expect([answer.status, errorOf(answer).code]).toEqual([404, 'UNSUPPORTED'])
  })
})
