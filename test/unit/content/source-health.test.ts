import { beforeEach, expect, test } from '@jest/globals'
import { SourceHealth } from '../../../src/content/source-health.ts'
import type { ContentSource } from '../../../src/content/source.ts'

const MINUTE = 60_000
const [one, two, three] = ['one', 'two', 'three'].map((name) => ({ name }) as ContentSource) as [
  ContentSource,
  ContentSource,
  ContentSource,
]
const ALL = [one, two, three]

let now: number
let health: SourceHealth<ContentSource>

beforeEach(() => {
  now = 1_800_000_000_000
  health = new SourceHealth<ContentSource>(() => now)
})

/** ms until the source is in its place again. */
function penalty(): number {
  const start = now
  while (health.order(ALL)[0] !== one) now += 1_000
  return now - start
}

test('sources are asked in the order given', () => {
  expect(health.order(ALL)).toEqual(ALL)
})

test('one that sent wrong bytes comes last for a minute', () => {
  health.discredit(one)
  expect(health.order(ALL)).toEqual([two, three, one])
  now += MINUTE - 1
  expect(health.order(ALL)).toEqual([two, three, one])
  now += 1
  expect(health.order(ALL)).toEqual(ALL)
})

test('of those that did, the latest comes last, since it may be the only one that still does', () => {
  health.discredit(two)
  health.discredit(one)
  expect(health.order(ALL)).toEqual([three, two, one])
  health.discredit(two)
  expect(health.order(ALL)).toEqual([three, one, two])
})

test('no longer than that, also when the clock is set back', () => {
  health.discredit(one)
  now -= 60 * MINUTE
  expect(health.order(ALL)).toEqual(ALL)
})

test('answers that were under way together are one offence', () => {
  for (let count = 0; count < 5; count += 1) health.discredit(one)
  expect(penalty()).toBe(MINUTE)
})

test('each further offence costs twice as long, an hour at most', () => {
  const costs = Array.from({ length: 9 }, () => {
    health.discredit(one)
    const cost = penalty()
    now += 2_000
    return cost / MINUTE
  })
  expect(costs).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60])
})
