import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { Patience } from '../../../../src/roots/kubo/patience.ts'

const HOUR = 3_600_000
const NEVER = new Promise<never>(() => undefined)

let leaving: AbortController
let patience: Patience

beforeEach(() => {
  leaving = new AbortController()
  patience = new Patience(leaving.signal)
})

afterEach(() => {
  patience.end()
})

test('waits for what comes, whether it is good or bad', async () => {
  expect(await patience.wait(Promise.resolve(), Date.now() + HOUR)).toBe(true)
  expect(await patience.wait(Promise.reject(new Error('bad')), Infinity)).toBe(true)
})

test('ends when the time is over, however long it waited for other things before and after', async () => {
  expect(await patience.wait(Promise.resolve(), Date.now() + HOUR)).toBe(true)
  expect(await patience.wait(NEVER, Date.now() + 10)).toBe(false)
  expect(await patience.wait(Promise.resolve(), Date.now() + 5)).toBe(true)
  expect(await patience.wait(NEVER, Date.now() + 30)).toBe(false)
  expect(await patience.wait(NEVER, Date.now() - 1)).toBe(false)
})

test('ends with the signal', async () => {
  const waiting = patience.wait(NEVER, Infinity)
  leaving.abort(new Error('gone'))
  await expect(waiting).rejects.toThrow('gone')
  await expect(patience.wait(Promise.resolve(), Infinity)).rejects.toThrow('gone')
})
