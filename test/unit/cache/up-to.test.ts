import { expect, test } from '@jest/globals'
import { LRUCache } from 'lru-cache'
import { upTo } from '../../../src/cache/up-to.ts'

test('a cache keeps the most recently used, up to so many, over and over', () => {
  const cache = new LRUCache<number, number>(upTo(3))
  for (let turn = 0; turn < 1000; turn += 1) {
    cache.set(turn, turn)
    // Used now and then, so that it stays.
    cache.get(0)
  }
  expect([...cache.keys()]).toEqual([0, 999, 998])
})
