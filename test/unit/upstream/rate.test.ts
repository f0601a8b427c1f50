import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { Rate } from '../../../src/upstream/rate.ts'

const { signal } = new AbortController()

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())

/** How many of so many requests at once have had their turn. */
function ask(rate: Rate, count: number): { turns: number; failures: unknown[] } {
  const seen = { turns: 0, failures: [] as unknown[] }
  for (let index = 0; index < count; index += 1) {
    rate.turn(signal).then(
      () => (seen.turns += 1),
      (error: unknown) => seen.failures.push(error),
    )
  }
  return seen
}

test('so many requests a second, and no more', async () => {
  const seen = ask(new Rate('test', 3, 100), 8)
  await jest.advanceTimersByTimeAsync(999)
  expect(seen.turns).toBe(3)
  await jest.advanceTimersByTimeAsync(1)
  expect(seen.turns).toBe(6)
  await jest.advanceTimersByTimeAsync(1000)
  expect(seen.turns).toBe(8)
})

test('less than one a second', async () => {
  const seen = ask(new Rate('test', 0.5, 100), 2)
  await jest.advanceTimersByTimeAsync(1999)
  expect(seen.turns).toBe(1)
  await jest.advanceTimersByTimeAsync(1)
  expect(seen.turns).toBe(2)
})

test('the queue is bounded', async () => {
  const seen = ask(new Rate('test', 1, 2), 4)
  await jest.advanceTimersByTimeAsync(0)
  expect(seen.failures).toEqual([expect.objectContaining({ code: 'OVERLOADED' })])
})

test('who leaves the queue gives way to the next', async () => {
  const rate = new Rate('test', 1, 2)
  await rate.turn(signal)
  const abort = new AbortController()
  const left = rate.turn(abort.signal)
  const seen = ask(rate, 1)
  abort.abort(new Error('gone'))
  await expect(left).rejects.toThrow('gone')
  await jest.advanceTimersByTimeAsync(1000)
  expect(seen.turns).toBe(1)
})
