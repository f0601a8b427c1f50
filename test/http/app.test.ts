import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { Failure } from '../../src/errors.ts'
import { until } from '../fixtures/blob-store.ts'
import { deferred } from '../fixtures/name-lookups.ts'
import { ask, errorOf } from '../fixtures/raw-request.ts'
import { provenance, startStubRegistry, type StubRegistry } from '../fixtures/stub-registry.ts'

let registry: StubRegistry

beforeEach(async () => {
  registry = await startStubRegistry({ maxRequests: 2 })
})

afterEach(() => registry.close())

const get = (headers: Record<string, string> = {}) => ask(registry.port, '/v2/a/tags/list', { headers })

test.each([
  [
    'at once',
    () => {
      throw new Error('secret: /home/me')
    },
  ],
  ['later', () => ({ tags: () => Promise.reject(new Error('secret: /home/me')) })],
])('a defect %s is told to nobody but the log', async (_, broken) => {
  registry.find = broken
  const answer = await get()
  expect([answer.status, errorOf(answer)]).toEqual([500, { code: 'UNKNOWN', message: 'internal error' }])
  expect(registry.defects).toEqual([expect.objectContaining({ message: 'secret: /home/me' })])
})

test('a failure is told as it is, not to be kept, and is no defect', async () => {
  registry.find = () => {
    throw new Failure('CONTENT_UNAVAILABLE', 'nobody has it', { retryAfter: 7, detail: { asked: 'it' } })
  }
  const answer = await get()
  expect(answer.status).toBe(503)
  expect(answer.headers).toMatchObject({
    'retry-after': '7',
    'cache-control': 'no-store',
    'content-type': 'application/json',
    'docker-distribution-api-version': 'registry/2.0',
  })
  expect(errorOf(answer)).toEqual({ code: 'UNAVAILABLE', message: 'nobody has it', detail: { asked: 'it' } })
  const head = await ask(registry.port, '/v2/a/tags/list', { method: 'HEAD' })
  expect([head.status, head.body.length, head.headers['content-length']]).toEqual([
    503,
    0,
    answer.headers['content-length'],
  ])
  expect(registry.defects).toEqual([])
})

test('a body that fails is cut, also on a connection that is kept', async () => {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.alloc(10))
    throw new Failure('CONTENT_INVALID', 'the rest was wrong')
  }
  const body = () => Promise.resolve({ size: 100, source: 'stub', cached: false, pieces: pieces() })
  registry.find = () => ({ blob: () => Promise.resolve({ ...provenance(), size: 100, open: body }) })
  const headers = { connection: 'keep-alive' }
  const answer = await ask(registry.port, `/v2/a/blobs/sha256:${'0'.repeat(64)}`, { headers })
  expect([answer.status, answer.complete, answer.body.length]).toEqual([200, false, 10])
  expect(registry.defects).toEqual([])
})

test('a body that fails before its first piece is an error answer', async () => {
  const pieces = {
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Failure('CONTENT_TIMEOUT', 'late')) }),
  }
  const body = () => Promise.resolve({ size: 100, source: 'stub', cached: false, pieces })
  registry.find = () => ({ blob: () => Promise.resolve({ ...provenance(), size: 100, open: body }) })
  const answer = await ask(registry.port, `/v2/a/blobs/sha256:${'0'.repeat(64)}`)
  expect([answer.status, answer.complete, errorOf(answer).code]).toEqual([504, true, 'UNAVAILABLE'])
})

test('requests beyond the limit are refused until others have ended', async () => {
  const { promise, reject } = deferred<never>()
  registry.find = () => ({ tags: () => promise })
  const held = [get(), get()]
  await until(() => registry.underWay === 2)
  const answer = await get()
  expect([answer.status, errorOf(answer).code]).toEqual([503, 'UNAVAILABLE'])
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  expect(registry.refused).toBe(1)
  reject(new Failure('DENIED', 'no'))
  expect((await Promise.all(held)).map(({ status }) => status)).toEqual([403, 403])
  await until(() => registry.underWay === 0)
  expect((await get()).status).toBe(403)
})

test.each([
  ['an-id.of:1_client', true],
  ['a'.repeat(128), true],
  ['a'.repeat(129), false],
  ['with space', false],
  ['{"json":1}', false],
])('the id "%s" of a client is used: %s', async (id, used) => {
  registry.find = () => {
    throw new Failure('DENIED', 'no')
  }
  const given = (await get({ 'x-request-id': id })).headers['x-request-id']
  if (used) expect(given).toBe(id)
  else expect(given).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/)
})
