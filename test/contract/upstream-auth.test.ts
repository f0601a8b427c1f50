import { setMaxListeners } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { Digest } from '../../src/reference/digest.ts'
import { createCredentials, type CredentialSetting } from '../../src/upstream/auth/credentials.ts'
import type { RegistryHostOptions } from '../../src/upstream/host.ts'
import { makeCertificate } from '../fixtures/certificate.ts'
import { fakeDate } from '../fixtures/fake-date.ts'
import {
  type Handler,
  registryOf,
  reply,
  replyJson,
  startStubServer,
  type StubServer,
  stubTokens,
  type StubTokens,
  tokenServerFor,
  withBearer,
} from '../fixtures/stub-upstream.ts'
import { hostAt, type HostUnderTest } from '../fixtures/upstream-host.ts'

const { signal } = new AbortController()
setMaxListeners(0, signal)
const BYTES = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [] }))
const CONTENT = registryOf({ manifests: { latest: { bytes: BYTES, type: '' } }, blobs: {} })
const SECRET = 'the-secret-of-secrets'
const USER: CredentialSetting = {
  kind: 'password',
  username: 'user',
  password: { kind: 'value', value: SECRET },
}
const BASIC = `Basic ${Buffer.from(`user:${SECRET}`).toString('base64')}`
const IDENTITY: CredentialSetting = { kind: 'identity-token', token: { kind: 'value', value: SECRET } }

let registry: StubServer
let auth: StubServer
let tokens: StubTokens
const under: HostUnderTest[] = []

beforeEach(async () => {
  registry = await startStubServer()
  auth = await startStubServer()
  tokens = stubTokens()
  registry.answer = withBearer(`${auth.url}/token?a=b`, tokens, CONTENT)
  auth.answer = tokenServerFor(tokens)
})
afterEach(async () => {
  jest.useRealTimers()
  await Promise.all(under.splice(0).map(({ host }) => host.destroy()))
  await registry.close()
  await auth.close()
})

function make(setting?: CredentialSetting, options: Partial<RegistryHostOptions> = {}): HostUnderTest {
  const credentials = setting && createCredentials(setting, { host: 'registry.test' })
  const made = hostAt(registry.url, { credentials, ...options })
  under.push(made)
  return made
}

const pull = ({ host }: HostUnderTest, repository = 'library/alpine', abort: AbortSignal = signal) =>
  host.manifest(repository, 'latest', { limit: 1000, signal: abort })

/** Whatever a failure says, to clients or to the operator. */
async function failureOf(asked: Promise<unknown>): Promise<{ code: unknown; text: string }> {
  const failure = await asked.then(
    () => new Error('it did not fail'),
    (error: unknown) => error as Error & { code?: unknown; detail?: unknown; fields?: unknown },
  )
  const texts: unknown[] = []
  for (let error: unknown = failure; error instanceof Error; error = error.cause) {
    texts.push(error.message, error.stack, { ...error })
  }
  return { code: 'code' in failure ? failure.code : undefined, text: JSON.stringify(texts) }
}

function expectNoSecret(host: HostUnderTest, text = ''): void {
  const said = text + JSON.stringify(host.told)
  for (const secret of [SECRET, BASIC.slice(6), ...tokens.issued]) expect(said).not.toContain(secret)
}

describe('tokens', () => {
  test('are fetched without credentials where there are none, by what the registry says', async () => {
    const host = make(undefined, { rewrite: (name) => `hub/${name}` })
    await pull(host)
    expect(registry.requests.map(({ headers }) => headers.authorization)).toStrictEqual([
      undefined,
      'Bearer repository:hub/library/alpine:pull#0',
    ])
    expect(auth.requests).toHaveLength(1)
    expect(auth.requests[0]).toMatchObject({
      method: 'GET',
      url: '/token?a=b&service=registry.test&scope=repository%3Ahub%2Flibrary%2Falpine%3Apull',
    })
    expect(auth.requests[0]?.headers).toMatchObject({ via: '1.1 gateway-under-test' })
    expect(auth.requests[0]?.headers.authorization).toBeUndefined()
  })

  test('are used again, and another repository costs no refusal', async () => {
    const host = make(USER)
    await pull(host)
    await pull(host)
    await pull(host, 'library/busybox')
    expect(registry.requests.map(({ headers }) => headers.authorization)).toStrictEqual([
      undefined,
      'Bearer repository:library/alpine:pull#0',
      'Bearer repository:library/alpine:pull#0',
      'Bearer repository:library/busybox:pull#1',
    ])
    expect(auth.requests.map(({ headers }) => headers.authorization)).toStrictEqual([BASIC, BASIC])
    expect(host.told.answers.filter((answer) => answer.startsWith('token'))).toEqual([
      'token 200',
      'token 200',
    ])
  })

  test('are fetched once for fifty who ask at once', async () => {
    const host = make(USER)
    await Promise.all(Array.from({ length: 50 }, () => pull(host)))
    expect(auth.requests).toHaveLength(1)
    await Promise.all(Array.from({ length: 50 }, () => pull(host, 'library/busybox')))
    expect(auth.requests).toHaveLength(2)
  })

  test('are fetched for the others when the first one leaves', async () => {
    const host = make()
    await pull(host, 'library/other')
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const asked = new Promise<void>((resolve) => {
      auth.answer = async (request, response) => {
        resolve()
        await held
        await tokenServerFor(tokens)(request, response)
      }
    })
    const abort = new AbortController()
    const first = pull(host, 'library/alpine', abort.signal)
    const second = pull(host)
    await asked
    abort.abort(new Error('gone'))
    await expect(first).rejects.toThrow('gone')
    release()
    await second
    expect(auth.requests).toHaveLength(2)
  })

  test.each([
    [300, 289, 291],
    [20, 14, 16],
    [undefined, 49, 51],
  ])('that live %p s are used for %p s, not for %p', async (expiresIn, still, over) => {
    fakeDate()
    tokens.expiresIn = expiresIn
    const host = make()
    const start = Date.now()
    await pull(host)
    jest.setSystemTime(start + still * 1000)
    await pull(host)
    expect(auth.requests).toHaveLength(1)
    jest.setSystemTime(start + over * 1000)
    await pull(host)
    expect(auth.requests).toHaveLength(2)
  })

  test.each([
    ['a while ago', -200_000, 2],
    ['in the year 1', -Date.parse('2020-01-01') - 6e13, 1],
    ['by a clock ahead', 200_000, 1],
  ])('that were issued %s', async (_, shift, fetches) => {
    fakeDate()
    auth.answer = ({ url }, response) => {
      const scope = new URL(url, 'http://h').searchParams.get('scope')
      const token = `${scope}#${tokens.issued.length}`
      tokens.issued.push(token)
      const now = Date.parse('2020-01-01')
      const issued = {
        access_token: token,
        expires_in: '300',
        issued_at: new Date(now + shift).toISOString(),
      }
      // Its clock is another than ours.
      reply(response, 200, { date: new Date(now).toUTCString() }, JSON.stringify(issued))
    }
    const host = make()
    const start = Date.now()
    await pull(host)
    jest.setSystemTime(start + 150_000)
    await pull(host)
    expect(auth.requests).toHaveLength(fetches)
  })

  test('that the registry takes no more are fetched anew, once', async () => {
    const host = make(USER)
    await pull(host)
    tokens.revoked.add(tokens.issued[0] ?? '')
    await Promise.all([pull(host), pull(host), pull(host)])
    expect(auth.requests).toHaveLength(2)
    await pull(host)
    expect(auth.requests).toHaveLength(2)
  })

  test('that the registry never takes end in a refusal', async () => {
    const host = make(USER)
    registry.answer = withBearer(`${auth.url}/token`, stubTokens(), CONTENT)
    const { code, text } = await failureOf(pull(host))
    expect(code).toBe('UPSTREAM_DENIED')
    expect(registry.requests).toHaveLength(2)
    expect(auth.requests).toHaveLength(1)
    expectNoSecret(host, text)
    // A token that was kept is tried, and then a new one.
    tokens.revoked.clear()
    registry.answer = withBearer(`${auth.url}/token`, tokens, CONTENT)
    await pull(host)
    registry.requests.length = auth.requests.length = 0
    registry.answer = withBearer(`${auth.url}/token`, stubTokens(), CONTENT)
    expect(await failureOf(pull(host))).toMatchObject({ code: 'UPSTREAM_DENIED' })
    expect([registry.requests.length, auth.requests.length]).toEqual([2, 1])
  })

  test('are fetched where the registry says now', async () => {
    const host = make()
    await pull(host)
    await auth.close()
    auth = await startStubServer(tokenServerFor(tokens))
    registry.answer = withBearer(`${auth.url}/token`, tokens, CONTENT)
    await expect(pull(host, 'library/busybox')).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    await pull(host, 'library/busybox')
    expect(auth.requests).toHaveLength(1)
  })

  test('for manifests, blobs, tags and referrers are the same', async () => {
    const { host } = make()
    const digest: Digest = `sha256:${'0'.repeat(64)}`
    const ask = { signal }
    await expect(host.openBlob('a/b', digest, ask)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' })
    await expect(host.blobSize('a/b', digest, ask)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' })
    await expect(host.blobLocation('a/b', digest, ask)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' })
    await expect(host.headManifest('a/b', 'none', ask)).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' })
    await expect(host.tags('a/b', new URLSearchParams(), ask)).rejects.toMatchObject({ code: 'NAME_UNKNOWN' })
    expect((await host.referrers('a/b', digest, ask)).referrers).toEqual([])
    expect(auth.requests).toHaveLength(1)
  })
})

describe('a token server that', () => {
  test.each<[string, string, Handler]>([
    ['refuses', 'UPSTREAM_DENIED', (_, r) => replyJson(r, 401, { errors: [{ message: SECRET }] })],
    ['forbids', 'UPSTREAM_DENIED', (_, r) => replyJson(r, 403, { details: BASIC })],
    ['has enough', 'UPSTREAM_LIMITED', (_, r) => reply(r, 429, { 'retry-after': '7' })],
    ['is broken', 'CONTENT_UNAVAILABLE', (_, r) => reply(r, 500)],
    ['is down', 'CONTENT_UNAVAILABLE', (_, r) => reply(r, 503)],
    ['is not there', 'CONTENT_UNAVAILABLE', (_, r) => reply(r, 404)],
    [
      'answers with a web page',
      'CONTENT_UNAVAILABLE',
      (_, r) => reply(r, 200, { 'content-type': 'text/html' }, '<p>'),
    ],
    ['answers with no token', 'CONTENT_UNAVAILABLE', (_, r) => replyJson(r, 200, {})],
    ['answers with an empty token', 'CONTENT_UNAVAILABLE', (_, r) => replyJson(r, 200, { token: '' })],
    [
      'answers with what is no token',
      'CONTENT_UNAVAILABLE',
      (_, r) => replyJson(r, 200, { token: 'a\r\nb: c' }),
    ],
    [
      'sends us elsewhere',
      'CONTENT_UNAVAILABLE',
      (_, r) => reply(r, 307, { location: 'http://example.test/' }),
    ],
  ])('%s: %s', async (_, code, handler) => {
    auth.answer = handler
    const host = make(USER)
    const failure = await failureOf(pull(host))
    expect(failure.code).toBe(code)
    expectNoSecret(host, failure.text)
  })

  test('stumbles is asked again', async () => {
    auth.answer = (request, response) => {
      if (auth.requests.length < 3) return reply(response, 502)
      return tokenServerFor(tokens)(request, response)
    }
    await pull(make())
    expect(auth.requests).toHaveLength(3)
  })

  test('is silent', async () => {
    auth.answer = () => undefined
    await expect(pull(make(undefined, { answerTimeout: 300 }))).rejects.toMatchObject({
      code: 'CONTENT_TIMEOUT',
    })
  })

  test('refuses is told to the operator, with what it says', async () => {
    auth.answer = (_, response) => replyJson(response, 401, { details: 'incorrect username or password' })
    const host = make(USER)
    await expect(pull(host)).rejects.toThrow(
      'registry.test does not let this gateway read library/alpine: it does not exist, or needs other credentials',
    )
    expect(host.told.warnings).toEqual([
      {
        message: 'the token server of registry.test refuses to let this gateway read library/alpine',
        fields: {
          upstream: 'registry.test',
          repository: 'library/alpine',
          status: 401,
          credentials: 'password',
          answer: '{"details":"incorrect username or password"}',
        },
      },
    ])
  })
})

describe('identity tokens', () => {
  test('are exchanged by POST', async () => {
    await pull(make(IDENTITY))
    expect(auth.requests).toEqual([expect.objectContaining({ method: 'POST', url: '/token?a=b' })])
    expect(Object.fromEntries(new URLSearchParams(auth.requests[0]?.body))).toEqual({
      grant_type: 'refresh_token',
      service: 'registry.test',
      scope: 'repository:library/alpine:pull',
      client_id: 'ipfs-registry-gateway',
      refresh_token: SECRET,
    })
  })

  beforeEach(() => {
    const issue = tokenServerFor(tokens)
    auth.answer = (request, response) => {
      if (request.method === 'GET') return issue(request, response)
      const scope = new URLSearchParams(request.body).get('scope') ?? ''
      return issue({ ...request, url: `/?scope=${encodeURIComponent(scope)}` }, response)
    }
  })

  test.each([400, 401, 404, 405])('are shown where a token server answers POST with %d', async (status) => {
    const issue = tokenServerFor(tokens)
    auth.answer = (request, response) =>
      request.method === 'POST' ? reply(response, status) : issue(request, response)
    await pull(make(IDENTITY))
    expect(auth.requests.map(({ method }) => method)).toEqual(['POST', 'GET'])
    expect(auth.requests[1]?.headers.authorization).toBe(
      `Basic ${Buffer.from(`:${SECRET}`).toString('base64')}`,
    )
  })

  test('that have ended tell no secret', async () => {
    auth.answer = ({ body, headers }, response) => replyJson(response, 401, { body, headers })
    const host = make(IDENTITY)
    const failure = await failureOf(pull(host))
    expect(failure.code).toBe('UPSTREAM_DENIED')
    expectNoSecret(host, failure.text)
    expect(host.told.warnings[0]?.fields).toMatchObject({ credentials: 'identity-token' })
  })
})

describe('a registry with passwords', () => {
  const guard =
    (password: string): Handler =>
    (request, response) => {
      const right = `Basic ${Buffer.from(`user:${password}`).toString('base64')}`
      if (request.headers.authorization === right) return CONTENT(request, response)
      reply(response, 401, { 'www-authenticate': ['Negotiate', 'Basic realm="x, y"'] })
    }

  test('is shown the password once it has asked', async () => {
    registry.answer = guard(SECRET)
    const host = make(USER)
    await pull(host)
    await pull(host)
    expect(registry.requests.map(({ headers }) => headers.authorization)).toStrictEqual([
      undefined,
      BASIC,
      BASIC,
    ])
  })

  test('refuses a wrong one, and that is told', async () => {
    registry.answer = guard('other')
    const host = make(USER)
    const failure = await failureOf(pull(host))
    expect(failure.code).toBe('UPSTREAM_DENIED')
    expect(registry.requests).toHaveLength(2)
    expect(host.told.warnings).toHaveLength(1)
    expect(host.told.warnings[0]?.fields).toMatchObject({ status: 401, credentials: 'password' })
    expectNoSecret(host, failure.text)
  })

  test('is shown nothing where there is nothing, or only an identity token', async () => {
    registry.answer = guard(SECRET)
    for (const setting of [undefined, IDENTITY]) {
      registry.requests.length = 0
      const host = make(setting)
      await expect(pull(host)).rejects.toMatchObject({ code: 'UPSTREAM_DENIED' })
      expect(registry.requests).toHaveLength(1)
    }
  })

  test('that repeats what it was shown is not quoted', async () => {
    registry.answer = ({ headers }, response) => {
      const challenge = { 'www-authenticate': 'Basic realm="x"', 'content-type': 'text/plain' }
      reply(response, 401, challenge, `${'-'.repeat(190)}${headers.authorization} ${SECRET}`)
    }
    const host = make(USER)
    const failure = await failureOf(pull(host))
    expectNoSecret(host, failure.text)
    expect(JSON.stringify(host.told)).not.toContain(BASIC.slice(6, 12))
  })
})

describe('credentials in a file', () => {
  let folder: string
  let path: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'upstream-'))
    path = join(folder, 'password')
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))
  const setting = (): CredentialSetting => ({
    kind: 'password',
    username: 'user',
    password: { kind: 'file', path },
  })
  const right = (password: string) => `Basic ${Buffer.from(`user:${password}`).toString('base64')}`

  test.each([401, 403])('are read anew when the registry has answered %d', async (status) => {
    let password = 'one'
    registry.answer = (request, response) => {
      const shown = request.headers.authorization
      if (shown === right(password)) return CONTENT(request, response)
      reply(response, shown === undefined ? 401 : status, { 'www-authenticate': 'Basic realm="x"' })
    }
    await writeFile(path, 'one')
    const host = make(setting())
    await pull(host)
    password = 'two'
    await expect(pull(host)).rejects.toMatchObject({ code: 'UPSTREAM_DENIED' })
    await writeFile(path, 'two')
    await pull(host)
    expect(registry.requests.at(-1)?.headers.authorization).toBe(right('two'))
  })

  test('are read anew when the token server has refused them', async () => {
    let password = 'one'
    auth.answer = (request, response) => {
      if (request.headers.authorization === right(password)) return tokenServerFor(tokens)(request, response)
      reply(response, 401)
    }
    await writeFile(path, 'one')
    const host = make(setting())
    await pull(host)
    password = 'two'
    await writeFile(path, 'two')
    await Promise.all([pull(host, 'library/b'), pull(host, 'library/c')])
    expect(host.told.warnings).toEqual([])
  })

  test('that are not there are told to the operator, and asked for only when needed', async () => {
    const host = make(setting())
    await expect(pull(host)).rejects.toMatchObject({
      code: 'CONTENT_UNAVAILABLE',
      message: "the credentials for registry.test can't be read",
    })
    expect(host.told.warnings).toMatchObject([{ fields: { path, error: 'ENOENT' } }])
    expect(auth.requests).toEqual([])
    registry.answer = CONTENT
    await pull(make(setting()))
  })
})

describe('a registry that', () => {
  test('says 403 needs other credentials', async () => {
    registry.answer = (_, response) => replyJson(response, 403, { errors: [{ code: 'DENIED' }] })
    const host = make()
    await expect(pull(host)).rejects.toMatchObject({ code: 'UPSTREAM_DENIED' })
    expect(host.told.warnings).toMatchObject([{ fields: { status: 403, credentials: 'none' } }])
  })

  test('says 401 without a challenge is asked once', async () => {
    registry.answer = (_, response) => reply(response, 401)
    await expect(pull(make(USER))).rejects.toMatchObject({ code: 'UPSTREAM_DENIED' })
    expect(registry.requests).toHaveLength(1)
  })
})

describe('a realm', () => {
  let counting: StubServer
  beforeEach(async () => (counting = await startStubServer(tokenServerFor(tokens))))
  afterEach(() => counting.close())

  const at = (realm: string, options: Partial<RegistryHostOptions>) => {
    registry.answer = withBearer(realm, tokens, CONTENT)
    return make(USER, { allowPrivateRedirects: false, ...options })
  }

  test.each([
    ['a private address', (port: number) => `http://127.0.0.2:${port}/token`],
    ['a private address in IPv6', (port: number) => `http://[::ffff:127.0.0.1]:${port}/token`],
    ['a name with a private address', (port: number) => `http://auth.example:${port}/token`],
    ['no address', () => 'token'],
    ['another scheme', () => 'ftp://127.0.0.1/token'],
  ])('that is %s is not asked', async (_, realm) => {
    const lookup: RegistryHostOptions['lookup'] = (_name, _options, callback) =>
      callback(null, [{ address: '127.0.0.1', family: 4 }])
    const host = at(realm(counting.port), { lookup })
    const failure = await failureOf(pull(host))
    expect(failure.code).toBe('CONTENT_UNAVAILABLE')
    expect(counting.connections).toBe(0)
    expect(host.told.warnings).toHaveLength(1)
    expectNoSecret(host, failure.text)
  })

  test('without TLS of a registry with TLS is not asked', async () => {
    const certificate = makeCertificate('localhost')
    const realm = `http://localhost:${counting.port}/token`
    const tls = await startStubServer(withBearer(realm, tokens, CONTENT), certificate)
    const credentials = createCredentials(USER, { host: 'x' })
    const host = hostAt(tls.url, { credentials, ca: certificate.cert })
    under.push(host)
    await expect(pull(host)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    expect(counting.connections).toBe(0)
    await tls.close()
  })

  test('at another port of the same host is asked', async () => {
    await pull(at(`${counting.url}/token`, {}))
    expect(counting.requests).toHaveLength(1)
  })
})
