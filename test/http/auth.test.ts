import bcrypt from '@node-rs/bcrypt'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../../src/errors.ts'
import { silentLogger } from '../../src/observability/logger.ts'
import { buildRegistryAccess, type BuiltAccess } from '../../src/wiring/registry-access.ts'
import { load } from '../fixtures/loaded-settings.ts'
import { ask, errorOf, finish, type RawAnswer, type RawRequest } from '../fixtures/raw-request.ts'
import { provenance, startStubRegistry, type StubRegistry } from '../fixtures/stub-registry.ts'

const RULES = `
- users: anonymous
  repositories: ["public/**"]
  actions: pull
- users: [alice]
  repositories: ["team/**"]
  actions: [pull, push]
- users: [bob]
  repositories: ["team/**", "ghcr.io/org/*"]
  actions: pull
`
const ALICE = basic('alice', 'wonder')
const BOB = basic('bob', 'builder')
const DIGEST = `sha256:${'0'.repeat(64)}`

let folder: string
let built: BuiltAccess
let registry: StubRegistry

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'auth-'))
  const lines = [`alice:${await bcrypt.hash('wonder', 4)}`, `bob:${await bcrypt.hash('builder', 4)}`]
  await writeFile(join(folder, 'htpasswd'), lines.join('\n'))
  await writeFile(join(folder, 'rules.yaml'), RULES)
  await writeFile(join(folder, 'key'), 'k'.repeat(64))
})

afterAll(() => rm(folder, { recursive: true }))

beforeEach(async () => {
  built = await build()
  registry = await startRegistry(built)
})

afterEach(async () => {
  expect(registry.defects).toEqual([])
  await registry.close()
  built.close()
})

async function build(flags: Record<string, string> = {}): Promise<BuiltAccess> {
  const { config } = await load({
    flags: {
      auth: `htpasswd=${join(folder, 'htpasswd')}`,
      'auth-rules': join(folder, 'rules.yaml'),
      'token-key': join(folder, 'key'),
      upstream: ['docker.io', 'ghcr.io'],
      ...flags,
    },
  })
  const access = await buildRegistryAccess(config, silentLogger())
  if (access === undefined) throw new Error('everybody may do everything')
  return access
}

async function startRegistry(access: BuiltAccess, mirrorOf?: string): Promise<StubRegistry> {
  const started = await startStubRegistry({ ...access, ...(mirrorOf === undefined ? {} : { mirrorOf }) })
  const tags = () => Promise.resolve({ ...provenance(), tags: ['1'], next: undefined })
  started.find = () => ({ tags })
  return started
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function get(path: string, authorization?: string, more: RawRequest = {}): Promise<RawAnswer> {
  const headers = { ...more.headers, ...(authorization === undefined ? {} : { authorization }) }
  return ask(registry.port, path, { ...more, headers })
}

/** The answer of the token endpoint. */
async function tokenAnswer(query: string, authorization?: string) {
  const answer = await get(`/v2/token?${query}`, authorization)
  expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store'])
  return JSON.parse(answer.body.toString()) as Record<string, unknown> & { token: string }
}

async function bearer(scope: string, authorization?: string): Promise<string> {
  return `Bearer ${(await tokenAnswer(`scope=${scope}`, authorization)).token}`
}

function claimsOf(token: string): { sub: string; aud: string; access: unknown } {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as never
}

/** What can be told apart of an answer by whoever gets it, names and ids aside. */
function appearance({ status, headers, body }: RawAnswer, name: string) {
  const rest = { ...headers, date: '', 'x-request-id': '' }
  return JSON.parse(
    JSON.stringify({ status, headers: rest, body: body.toString() }).replaceAll(name, 'NAME'),
  ) as {
    status: number
    headers: Record<string, string>
    body: string
  }
}

function post(form: string, headers: Record<string, string> = {}): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const options = {
      port: registry.port,
      path: '/v2/token',
      method: 'POST',
      headers: { ...type, ...headers },
    }
    request({ host: '127.0.0.1', ...options }, (answer) => void finish(answer).then(resolve))
      .on('error', reject)
      .end(form)
  })
}

describe('without Authorization', () => {
  test('everything is answered by the same challenge, there or not, allowed or not', async () => {
    const names = ['public/app', 'team/app', 'gone/app']
    for (const path of ['manifests/1', `blobs/${DIGEST}`, 'tags/list', `referrers/${DIGEST}`]) {
      const answers = await Promise.all(
        names.map(async (name) => appearance(await get(`/v2/${name}/${path}`), name.slice(0, -4))),
      )
      expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1)
      expect(answers[0]).toMatchObject({
        status: 401,
        headers: {
          'www-authenticate': `Bearer realm="http://127.0.0.1:${registry.port}/v2/token",service="ipfs-registry-gateway",scope="repository:NAME/app:pull"`,
          'content-type': 'application/json',
        },
        body: '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}',
      })
    }
  })

  test('so is the ping, from which clients learn how to log in', async () => {
    for (const path of ['/v2/', '/v2']) {
      const { status, headers } = await get(path)
      expect([status, headers['www-authenticate']]).toEqual([
        401,
        `Bearer realm="http://127.0.0.1:${registry.port}/v2/token",service="ipfs-registry-gateway"`,
      ])
    }
  })

  test.each([
    ['POST', '/v2/team/app/blobs/uploads/', 'pull,push'],
    ['PATCH', '/v2/team/app/blobs/uploads/x', 'pull,push'],
    ['GET', '/v2/team/app/blobs/uploads/x', 'pull,push'],
    ['DELETE', '/v2/team/app/blobs/uploads/x', 'pull,push'],
    ['PUT', '/v2/team/app/manifests/1', 'pull,push'],
    ['DELETE', '/v2/team/app/manifests/1', 'pull,delete'],
    ['DELETE', `/v2/team/app/blobs/${DIGEST}`, 'pull,delete'],
    ['HEAD', `/v2/team/app/blobs/${DIGEST}`, 'pull'],
  ])('%s %s is told the scope %s', async (method, path, actions) => {
    const { status, headers } = await get(path, undefined, { method })
    expect(status).toBe(401)
    expect(headers['www-authenticate']).toContain(`scope="repository:team/app:${actions}"`)
  })

  test('the realm is where the client has come to', async () => {
    const realm = async (headers: Record<string, string>) =>
      /realm="([^"]*)"/.exec(
        String((await get('/v2/', undefined, { headers })).headers['www-authenticate']),
      )?.[1]
    expect(await realm({ host: 'registry.lan' })).toBe('http://registry.lan/v2/token')
    expect(await realm({ host: 'registry.lan', 'x-forwarded-proto': 'https' })).toBe(
      'https://registry.lan/v2/token',
    )
    expect((await get('/v2/', undefined, { headers: { host: 'a"b' } })).status).toBe(400)
  })
})

describe('a password', () => {
  test('is enough for what its user may do', async () => {
    for (const path of ['/v2/', '/v2/team/app/tags/list', '/v2/public/app/tags/list'])
      expect((await get(path, BOB)).status).toBe(200)
  })

  test.each([basic('bob', 'wrong'), basic('nobody', 'builder'), 'Basic !', 'Digest x'])(
    'that is wrong is answered 401 (%s)',
    async (authorization) => {
      const { status, headers } = await get('/v2/public/app/tags/list', authorization)
      expect([status, headers['www-authenticate']]).toEqual([401, expect.stringContaining('Bearer realm=')])
      const token = await get('/v2/token', authorization)
      expect([token.status, token.headers['www-authenticate']]).toEqual([
        401,
        expect.stringMatching(/^Basic realm=/),
      ])
    },
  )
})

describe('a token', () => {
  test('has the form that clients read', async () => {
    const answer = await tokenAnswer(
      'service=x&account=alice&client_id=docker&offline_token=true&scope=repository:team/app:pull',
      ALICE,
    )
    expect(answer).toEqual({
      token: expect.any(String),
      access_token: answer.token,
      expires_in: 300,
      issued_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
    expect(claimsOf(answer.token)).toMatchObject({ sub: 'alice', aud: 'ipfs-registry-gateway' })
  })

  test('is for what is allowed of what was asked for', async () => {
    const scopes = 'scope=repository:team/app:pull,push&scope=repository:public/a:*%20repository:secret:pull'
    const accessOf = async (authorization?: string) =>
      claimsOf((await tokenAnswer(scopes, authorization)).token).access
    const team = { type: 'repository', name: 'team/app' }
    const open = { type: 'repository', name: 'public/a', actions: ['pull'] }
    expect(await accessOf(ALICE)).toEqual([{ ...team, actions: ['pull', 'push'] }, open])
    expect(await accessOf(BOB)).toEqual([{ ...team, actions: ['pull'] }, open])
    expect(await accessOf()).toEqual([open])
  })

  test('of nobody pulls what everybody may pull', async () => {
    const token = await bearer('repository:public/app:pull')
    expect((await get('/v2/', token)).status).toBe(200)
    expect((await get('/v2/public/app/tags/list', token)).status).toBe(200)
  })

  test('that lacks pull gets the same for what is there as for what is not', async () => {
    registry.find = () => {
      throw new Failure('NAME_UNKNOWN', 'it is not there')
    }
    const missing = await get('/v2/gone/app/tags/list', await bearer('repository:gone/app:pull'))
    registry.find = () => ({ tags: () => Promise.resolve({ ...provenance(), tags: ['1'], next: undefined }) })
    const hidden = await get('/v2/team/app/tags/list', await bearer('repository:team/app:pull'))
    expect(appearance(hidden, 'team')).toEqual(appearance(missing, 'gone'))
    expect([hidden.status, errorOf(hidden).code]).toEqual([404, 'NAME_UNKNOWN'])
    expect(hidden.headers['www-authenticate']).toBeUndefined()
  })

  test('that lacks push is a matter of logging in for nobody, and denied to a user', async () => {
    const push = async (name: string, authorization: string) =>
      get(`/v2/${name}/blobs/uploads/`, authorization, { method: 'POST' })
    const nobody = await push('public/app', await bearer('repository:public/app:pull,push'))
    expect([nobody.status, nobody.headers['www-authenticate']]).toEqual([
      401,
      expect.stringContaining('scope="repository:public/app:pull,push",error="insufficient_scope"'),
    ])
    for (const authorization of [await bearer('repository:team/app:pull,push', BOB), BOB]) {
      const denied = await push('team/app', authorization)
      expect([denied.status, errorOf(denied).code]).toEqual([403, 'DENIED'])
      expect(errorOf(denied).message).toContain('bob')
    }
  })

  test('for less than its user may do is sent for more', async () => {
    for (const scope of ['', 'repository:team/other:pull,push', 'repository:team/app:push']) {
      const { status, headers } = await get('/v2/team/app/tags/list', await bearer(scope, ALICE))
      expect([status, headers['www-authenticate']]).toEqual([
        401,
        expect.stringContaining('scope="repository:team/app:pull",error="insufficient_scope"'),
      ])
    }
    const write = await get('/v2/team/app/manifests/1', await bearer('repository:team/app:pull', ALICE), {
      method: 'PUT',
    })
    expect(write.status).toBe(401)
    const reader = await bearer('repository:team/app:pull,push', ALICE)
    expect((await get('/v2/team/app/tags/list', reader)).status).toBe(200)
  })

  test('that is none is told to be invalid', async () => {
    const { status, headers } = await get('/v2/team/app/tags/list', 'Bearer a.b.c')
    expect([status, headers['www-authenticate']]).toEqual([
      401,
      expect.stringContaining(',error="invalid_token"'),
    ])
  })

  test('of another gateway with the same key is good, with another it is not', async () => {
    await writeFile(join(folder, 'other-key'), 'o'.repeat(64))
    const token = await bearer('repository:team/app:pull', BOB)
    for (const [key, status] of [
      ['key', 200],
      ['other-key', 401],
    ] as const) {
      const access = await build({ 'token-key': join(folder, key) })
      const pod = await startRegistry(access)
      const answer = await ask(pod.port, '/v2/team/app/tags/list', { headers: { authorization: token } })
      expect([key, answer.status]).toEqual([key, status])
      await pod.close()
      access.close()
    }
  })

  test('is asked for by GET or POST', async () => {
    const { status, headers } = await get('/v2/token', undefined, { method: 'PUT' })
    expect([status, headers.allow]).toEqual([405, 'GET, POST'])
  })
})

describe('a form', () => {
  const scope = 'scope=repository:team/app:pull,push&service=x&client_id=ctr'

  test('has a password, and gets a refresh token when it asks for one', async () => {
    const plain = await post(`grant_type=password&username=alice&password=wonder&${scope}`)
    expect(plain.status).toBe(200)
    expect(JSON.parse(plain.body.toString())).not.toHaveProperty('refresh_token')
    const offline = await post(`grant_type=password&username=alice&password=wonder&access_type=offline`)
    const { refresh_token: refresh } = JSON.parse(offline.body.toString()) as { refresh_token: string }
    const fresh = await post(`grant_type=refresh_token&refresh_token=${refresh}&${scope}`)
    const { access_token: token } = JSON.parse(fresh.body.toString()) as { access_token: string }
    expect(claimsOf(token)).toMatchObject({ sub: 'alice', access: [{ actions: ['pull', 'push'] }] })
    expect((await get('/v2/team/app/tags/list', `Bearer ${refresh}`)).status).toBe(401)
  })

  test.each<[form: string, status: number]>([
    ['grant_type=password&username=alice&password=wrong', 401],
    ['grant_type=password&username=nobody&password=wonder', 401],
    ['grant_type=password&username=alice&password=wonder%00x', 401],
    ['grant_type=refresh_token&refresh_token=a.b.c', 401],
    ['grant_type=password&username=alice', 400],
    ['grant_type=authorization_code', 400],
    ['', 400],
  ])('%j is answered %i', async (form, status) => expect((await post(form)).status).toBe(status))

  test('has an end', async () => {
    expect((await post(`grant_type=password&username=${'a'.repeat(70_000)}`)).status).toBe(400)
  })
})

describe('a mirror', () => {
  test('means the registry that it is asked for, in rules and tokens', async () => {
    const challenged = await get('/v2/org/app/tags/list?ns=ghcr.io')
    expect(challenged.headers['www-authenticate']).toContain('/v2/token?ns=ghcr.io"')
    const { token } = await tokenAnswer('ns=ghcr.io&scope=repository:org/app:pull', BOB)
    expect((await get('/v2/org/app/tags/list?ns=ghcr.io', `Bearer ${token}`)).status).toBe(200)
    expect((await get('/v2/org/app/tags/list', `Bearer ${token}`)).status).toBe(404)
    expect((await get('/v2/ghcr.io/org/app/tags/list', BOB)).status).toBe(200)
  })

  test('that listens for one registry means that', async () => {
    const mirror = await startRegistry(built, 'ghcr.io')
    const headers = { authorization: BOB }
    expect((await ask(mirror.port, '/v2/org/app/tags/list', { headers })).status).toBe(200)
    expect((await ask(mirror.port, '/v2/team/app/tags/list', { headers })).status).toBe(404)
    await mirror.close()
  })
})

test('an empty namespace is not what none is, whichever comes first', async () => {
  expect((await get('/v2/team/app/tags/list?ns=', BOB)).status).toBe(404)
  expect((await get('/v2/team/app/tags/list', BOB)).status).toBe(200)
  expect((await get('/v2/team/app/tags/list?ns=', BOB)).status).toBe(404)
})

test('what is private is what nobody in particular may not pull', () => {
  const isPrivate = (name: string, namespace?: string) => built.access.isPrivate({ name, namespace })
  expect([isPrivate('public/a'), isPrivate('team/a'), isPrivate('public/a', 'ghcr.io')]).toEqual([
    false,
    true,
    true,
  ])
})

test('rules that change hold at once, for tokens that were given before', async () => {
  const path = join(folder, 'changing.yaml')
  await writeFile(path, RULES)
  const access = await build({ 'auth-rules': path })
  const changing = await startRegistry(access)
  const headers = { authorization: await bearer('repository:team/app:pull', BOB) }
  const status = async () => (await ask(changing.port, '/v2/team/app/tags/list', { headers })).status
  expect(await status()).toBe(200)
  await writeFile(path, RULES.replaceAll('bob', 'carol'))
  while ((await status()) === 200) await new Promise((resolve) => setTimeout(resolve, 50))
  expect(await status()).toBe(404)
  await changing.close()
  access.close()
})

test('many wrong passwords make others wait for a moment, and keep nobody out', async () => {
  const tries = Array.from({ length: 8 }, (_, n) => get('/v2/', basic(`user-${n}`, 'wrong')))
  const statuses = (await Promise.all(tries)).map(({ status }) => status)
  expect(new Set(statuses)).toEqual(new Set([401]))
  expect((await get('/v2/', ALICE)).status).toBe(200)
})
