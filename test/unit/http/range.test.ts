import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { parseRange } from '../../../src/http/range.ts'

const SIZE = 1000
const pairs = (header: string) => parseRange(header, SIZE)?.map(({ start, end }) => [start, end])

test.each([
  ['bytes=0-0', [[0, 1]]],
  ['bytes=10-', [[10, 1000]]],
  ['bytes=-10', [[990, 1000]]],
  ['bytes=-5000', [[0, 1000]]],
  ['bytes=990-5000', [[990, 1000]]],
  [
    'BYTES = 0-9 , 20-29',
    [
      [0, 10],
      [20, 30],
    ],
  ],
  // What can not be satisfied is left out where something else can.
  ['bytes=2000-,5-6', [[5, 7]]],
  ['bytes=-0,5-6', [[5, 7]]],
  // In the order asked for, unless they overlap.
  [
    'bytes=20-29,0-9',
    [
      [20, 30],
      [0, 10],
    ],
  ],
  ['bytes=20-29,0-24', [[0, 30]]],
  ['bytes=0-99,10-19', [[0, 100]]],
  ['bytes=10-19,0-99,50-149', [[0, 150]]],
])('%s', (header, expected) => expect(pairs(header)).toEqual(expected))

test.each([
  undefined,
  'items=0-1',
  'bytes=',
  'bytes=a-b',
  'bytes=-',
  'bytes=1-2-3',
  'bytes=1-2,,3-4',
  'bytes=0x1-2',
])('%s is ignored', (header) => expect(parseRange(header, SIZE)).toBeUndefined())

test.each(['bytes=1000-', 'bytes=9-5', 'bytes=-0', 'bytes=5-6,9-8'])('%s can not be satisfied', (header) => {
  expect(() => parseRange(header, SIZE)).toThrow(
    expect.objectContaining({ code: 'RANGE_INVALID', detail: { size: SIZE } }),
  )
})

test('spaces take no more time than their number', async () => {
  const spaces = ' '.repeat(250_000)
  for (const header of [`bytes=${spaces}x`, `bytes=0-${spaces}x`, `bytes=0${spaces}-${spaces}x`]) {
    expect(parseRange(header, SIZE)).toBeUndefined()
  }
  expect(pairs(`bytes=${spaces}0${spaces}-${spaces}9${spaces},20-29`)).toEqual([
    [0, 10],
    [20, 30],
  ])
  // Gives the runner's time-out its turn, where this thread has been busy for minutes.
  await sleep(0)
})

test('nothing of an empty body can be given', () => {
  expect(() => parseRange('bytes=0-', 0)).toThrow(expect.objectContaining({ code: 'RANGE_INVALID' }))
})

test('there are bounds to what is asked for at once', () => {
  const many = (count: number, step: number) =>
    `bytes=${Array.from({ length: count }, (_, n) => `${n * step}-${n * step}`).join(',')}`
  expect(parseRange(many(256, 2), SIZE)).toHaveLength(256)
  expect(() => parseRange(many(257, 2), SIZE)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }))
  // However few they would be in the end.
  const same = (count: number) => `bytes=${Array.from({ length: count }, () => '0-9').join(',')}`
  expect(parseRange(same(4096), SIZE)).toEqual([{ start: 0, end: 10 }])
  expect(() => parseRange(same(4097), SIZE)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }))
})
