import { beforeEach, describe, expect, test } from '@jest/globals'
import { Failure, type ErrorCode } from '../../../src/errors.ts'
import { Freshness } from '../../../src/repository/upstream/freshness.ts'

const TTL = 1_000
const STALE = 100_000

let now: number
let freshness: Freshness
let asked: number
const { signal } = new AbortController()

beforeEach(() => {
  now = 1_000_000
  asked = 0
  freshness = new Freshness({ ttl: TTL, stale: STALE, lingerMs: 60_000, now: () => now })
})

const get = (age: number | undefined, answer: string | Failure, own = signal) =>
  freshness.get({
    key: 'a question',
    before: age === undefined ? undefined : { value: 'old', checked: now - age },
    ask: () => {
      asked += 1
      return answer instanceof Failure ? Promise.reject(answer) : Promise.resolve(answer)
    },
    signal: own,
  })

const failed = (code: ErrorCode) => new Failure(code, `it said ${code}`)

test('a fresh answer is not asked for again', async () => {
  expect(await get(TTL - 1, 'new')).toEqual({ value: 'old', stale: undefined })
  expect(asked).toBe(0)
})

test('one of a time to come is: the clock was wrong', async () => {
  expect(await get(-3_600_000, 'new')).toEqual({ value: 'new', stale: undefined })
})

test('an older one is', async () => {
  expect(await get(TTL, 'new')).toEqual({ value: 'new', stale: undefined })
})

test('many ask once', async () => {
  await Promise.all(Array.from({ length: 50 }, () => get(undefined, 'new')))
  expect(asked).toBe(1)
})

describe('when asking fails', () => {
  test.each(['CONTENT_UNAVAILABLE', 'CONTENT_TIMEOUT', 'CONTENT_INVALID', 'UPSTREAM_LIMITED'] as const)(
    'by %s, the older answer is given, and says so',
    async (code) => {
      expect(await get(STALE - 1, failed(code))).toEqual({
        value: 'old',
        stale: { since: now - STALE + 1, reason: `it said ${code}` },
      })
    },
  )

  test.each(['MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 'UPSTREAM_DENIED'] as const)(
    '%s is an answer itself',
    async (code) => {
      await expect(get(TTL, failed(code))).rejects.toMatchObject({ code })
    },
  )

  test('an answer that is too old is not given', async () => {
    await expect(get(STALE, failed('CONTENT_UNAVAILABLE'))).rejects.toMatchObject({
      code: 'CONTENT_UNAVAILABLE',
    })
  })

  test('nobody waits for it again for a moment, but then it is asked again', async () => {
    await get(TTL, failed('CONTENT_UNAVAILABLE'))
    expect(await get(TTL, 'new')).toMatchObject({ value: 'old', stale: { reason: 'it failed a moment ago' } })
    expect(asked).toBe(1)
    now += 5_000
    expect(await get(TTL, 'new')).toEqual({ value: 'new', stale: undefined })
  })

  test('the others are asked all the same where it was about one', async () => {
    await get(TTL, failed('CONTENT_INVALID'))
    expect(await get(TTL, 'new')).toEqual({ value: 'new', stale: undefined })
  })

  test('and one asks with success, all ask again', async () => {
    await get(TTL, failed('CONTENT_UNAVAILABLE'))
    await get(undefined, 'new')
    expect(await get(TTL, 'new')).toEqual({ value: 'new', stale: undefined })
  })

  test('and the clock goes back, it is waited for no longer', async () => {
    await get(TTL, failed('CONTENT_UNAVAILABLE'))
    now -= 3_600_000
    expect(await get(TTL, 'new')).toEqual({ value: 'new', stale: undefined })
  })

  test('who has no older answer asks at once', async () => {
    await get(TTL, failed('CONTENT_UNAVAILABLE'))
    expect(await get(undefined, 'new')).toEqual({ value: 'new', stale: undefined })
  })
})

describe('when time is up', () => {
  const hanging = (own: AbortSignal) =>
    freshness.get({
      key: 'a question',
      before: { value: 'old', checked: now - TTL },
      ask: () => new Promise<string>(() => undefined),
      signal: own,
    })

  test('the older answer is given', async () => {
    const controller = new AbortController()
    const answer = hanging(controller.signal)
    controller.abort(new Failure('CONTENT_TIMEOUT', 'time is up'))
    expect(await answer).toMatchObject({ value: 'old', stale: { reason: 'time is up' } })
  })

  test('a client that has left gets none', async () => {
    const controller = new AbortController()
    const answer = hanging(controller.signal)
    controller.abort(new Failure('CONTENT_UNAVAILABLE', 'the client has left'))
    await expect(answer).rejects.toThrow('the client has left')
  })
})
