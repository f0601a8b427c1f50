import { expect, test } from '@jest/globals'
import { NumberSet } from '../../../src/content/embedded/import/number-set.ts'

test('has what was added and nothing else, near and far', () => {
  const set = new NumberSet()
  const numbers = [0, 7, 8, 8191, 8192, 8193, 1_000_000]
  for (const number of numbers) expect(set.add(number)).toBe(true)
  for (const number of numbers) expect([set.has(number), set.add(number)]).toEqual([true, false])
  for (const number of [1, 6, 9, 8190, 8194, 999_999, 1_000_001, 50_000_000])
    expect(set.has(number)).toBe(false)
  expect(set.size).toBe(numbers.length)
})
