import { expect, test } from '@jest/globals'
import { Ring } from '../../../src/observability/ring.ts'

test('a ring holds the last ones, newest first', () => {
  const ring = new Ring<number>(3)
  expect(ring.entries()).toEqual([])
  ring.add(1)
  ring.add(2)
  expect(ring.entries()).toEqual([2, 1])
  for (const number of [3, 4, 5, 6, 7]) ring.add(number)
  expect(ring.entries()).toEqual([7, 6, 5])
})

test('a ring of one holds the last', () => {
  const ring = new Ring<string>(1)
  ring.add('a')
  ring.add('b')
  expect(ring.entries()).toEqual(['b'])
})
