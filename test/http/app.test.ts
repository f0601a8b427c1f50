import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { createApp } from '../../src/app.ts'
import { Failure } from '../../src/errors.ts'
import { ListeningServer } from '../../src/http/server.ts'
import type { Repository } from '../../src/repository/repository.ts'
import { until } from '../fixtures/blob-store.ts'
import { deferred } from '../fixtures/name-lookups.ts'
import { ask, errorOf } from '../fixtures/raw-request.ts'

let server: ListeningServer
let find: () => Repository
let defects: unknown[]
let refused: number
let underWay: number

beforeEach(async () => {
  defects = []
  refused = 0
  underWay = 0
  const app = createApp({
    find: () => find(),
    answerTimeout: 30_000,
    maxRequests: 2,
    events: {
      begun: () => void (underWay += 1),
      ended: () => void (underWay -= 1),
      overloaded: () => void (refused += 1),
      broken: (_, error) => void defects.push(error),
    },
  })
  const none = { tls: undefined, onTlsError: () => undefined }
  server = await ListeningServer.listen(app, { host: '127.0.0.1', port: 0, ...none })
})

afterEach(() => server.close(0))

const get = (headers: Record<string, string> = {}) => ask(server.port, '/v2/a/tags/list', { headers })

/** A repository that does this when it is asked for its tags. */
function repositoryOf(tags: () => Promise<never>): Repository {
  return { tags } as unknown as Repository
}

test.each([
  [
    'at once',
    () => {
      throw new Error('secret: /home/me')
    },
  ],
  ['later', () => repositoryOf(() => Promise.reject(new Error('secret: /home/me')))],
])('a defect %s is told to nobody but the log', async (_, broken) => {
  find = broken
  const answer = await get()
  expect([answer.status, errorOf(answer)]).toEqual([500, { code: 'UNKNOWN', message: 'internal error' }])
  expect(defects).toEqual([expect.objectContaining({ message: 'secret: /home/me' })])
})

test('a failure is told as it is, not to be kept, and is no defect', async () => {
  find = () => {
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
  const head = await ask(server.port, '/v2/a/tags/list', { method: 'HEAD' })
  expect([head.status, head.body.length, head.headers['content-length']]).toEqual([
    503,
    0,
    answer.headers['content-length'],
  ])
  expect(defects).toEqual([])
})

test('requests beyond the limit are refused until others have ended', async () => {
  const { promise, reject } = deferred<never>()
  find = () => repositoryOf(() => promise)
  const held = [get(), get()]
  await until(() => underWay === 2)
  const answer = await get()
  expect([answer.status, errorOf(answer).code]).toEqual([503, 'UNAVAILABLE'])
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  expect(refused).toBe(1)
  reject(new Failure('DENIED', 'no'))
  expect((await Promise.all(held)).map(({ status }) => status)).toEqual([403, 403])
  await until(() => underWay === 0)
  expect((await get()).status).toBe(403)
})

test.each([
  ['an-id.of:1_client', true],
  ['a'.repeat(128), true],
  ['a'.repeat(129), false],
  ['with space', false],
  ['{"json":1}', false],
])('the id "%s" of a client is used: %s', async (id, used) => {
  find = () => {
    throw new Failure('DENIED', 'no')
  }
  const given = (await get({ 'x-request-id': id })).headers['x-request-id']
  if (used) expect(given).toBe(id)
  else expect(given).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/)
})
