import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { PathFacts } from '../../../src/repository/path-facts.ts'

const { signal } = new AbortController()
const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] })
})
afterEach(() => {
  jest.useRealTimers()
})

/** Says how often it was asked. */
function counting(lasting: boolean) {
  const facts = new PathFacts<number>(10, 1000)
  let asked = 0
  let failure: Error | undefined
  return {
    fail: (error: Error | undefined) => {
      failure = error
    },
    get: (): Promise<number> =>
      facts.get('/ipfs/a', signal, () => {
        asked += 1
        return failure === undefined ? Promise.resolve({ value: asked, lasting }) : Promise.reject(failure)
      }),
  }
}

test('what is proved is asked for once, for all who want it', async () => {
  const { get } = counting(true)
  expect(await Promise.all([get(), get()])).toEqual([1, 1])
  jest.setSystemTime(Date.now() + 1e9)
  expect(await get()).toBe(1)
})

test('what is believed is asked for again behind the back of whoever asks', async () => {
  const { get, fail } = counting(false)
  expect(await get()).toBe(1)
  jest.setSystemTime(Date.now() + 61_000)
  fail(new Error('nobody answers'))
  expect(await get()).toBe(1)
  await idle()
  jest.setSystemTime(Date.now() + 61_000)
  fail(undefined)
  expect(await get()).toBe(1)
  await idle()
  expect(await get()).toBe(3)
})

test('and also when the clock has been set back', async () => {
  const { get } = counting(false)
  expect(await get()).toBe(1)
  jest.setSystemTime(Date.now() - 3_600_000)
  expect(await get()).toBe(1)
  await idle()
  expect(await get()).toBe(2)
})

test('a failure is remembered for nobody', async () => {
  const { get, fail } = counting(true)
  fail(new Error('not now'))
  await expect(get()).rejects.toThrow('not now')
  fail(undefined)
  expect(await get()).toBe(2)
})
