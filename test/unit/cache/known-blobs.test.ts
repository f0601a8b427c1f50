import { describe, expect, test } from '@jest/globals'
import { inOrderOfUse, type BlobRecord } from '../../../src/cache/blob-records.ts'
import { KnownBlobs } from '../../../src/cache/known-blobs.ts'
import { digestOf, type Digest } from '../../../src/reference/digest.ts'

const digest = (number: number): Digest => digestOf('sha256', number.toString(16).padStart(64, '0'))
const record = (size: number, published = false): BlobRecord => ({ size, published, used: 0 })

/** The blobs of these numbers, each of that many bytes, not published. */
function known(...numbers: readonly number[]): KnownBlobs {
  const blobs = new KnownBlobs()
  for (const number of numbers) blobs.set(digest(number), record(number))
  return blobs
}

const leastUsed = (blobs: KnownBlobs): number[] => [...blobs.leastUsed()].map(([, { size }]) => size)

describe('the bytes that are not published', () => {
  test('are those of what is known now', () => {
    const blobs = known(1, 2, 4)
    blobs.set(digest(8), record(8, true))
    expect(blobs.cachedBytes).toBe(7)
    blobs.delete(digest(2))
    blobs.delete(digest(8))
    blobs.delete(digest(9))
    expect([blobs.cachedBytes, blobs.count]).toEqual([5, 2])
  })

  test('count a blob once that comes again', () => {
    const blobs = known(1)
    blobs.set(digest(1), record(16))
    expect([blobs.cachedBytes, blobs.count]).toEqual([16, 1])
    blobs.set(digest(1), record(16, true))
    expect([blobs.cachedBytes, blobs.count]).toEqual([0, 1])
  })

  test('change as a blob is published, and where that failed', () => {
    const blobs = known(1, 2)
    const second = blobs.get(digest(2)) ?? record(0)
    expect(blobs.setPublished(digest(2), second, true)).toBe(true)
    expect(blobs.setPublished(digest(2), second, true)).toBe(false)
    expect([blobs.cachedBytes, leastUsed(blobs)]).toEqual([1, [1]])
    expect(blobs.allPublished()).toEqual([{ digest: digest(2), size: 2 }])
    expect(blobs.setPublished(digest(2), second, false)).toBe(true)
    expect([blobs.cachedBytes, leastUsed(blobs)]).toEqual([3, [1, 2]])
  })

  test('do not change with the record of a blob that is gone', () => {
    const blobs = known(1)
    const gone = record(2)
    expect(blobs.setPublished(digest(2), gone, true)).toBe(true)
    expect([blobs.cachedBytes, blobs.count, blobs.has(digest(2))]).toEqual([1, 1, false])
  })
})

describe('the least recently used', () => {
  test('is first, and last once it is used', () => {
    const blobs = known(1, 2, 3)
    blobs.touch(digest(1), blobs.get(digest(1)) ?? record(0))
    expect(leastUsed(blobs)).toEqual([2, 3, 1])
  })

  test('are come to once, whatever is used or goes meanwhile', () => {
    const blobs = known(1, 2, 3, 4)
    const met: number[] = []
    for (const [own, one] of blobs.leastUsed()) {
      met.push(one.size)
      blobs.touch(own, one)
      blobs.delete(digest(3))
    }
    expect(met.slice(0, 3)).toEqual([1, 2, 4])
    expect(met.length).toBeLessThanOrEqual(4)
  })

  test('are none of those that are published, so that looking for one does not pass them', () => {
    const blobs = known()
    for (let number = 1; number <= 100; number += 1) blobs.set(digest(number), record(number, number !== 50))
    expect(leastUsed(blobs)).toEqual([50])
  })
})

test('records are put in the order of their use, those of one time as they came', () => {
  const times = [5, 3, 5, 1, 3, 5, 0]
  const records = times.map((used, number): [Digest, BlobRecord] => [
    digest(number),
    { size: number, published: false, used },
  ])
  expect(inOrderOfUse(records).map(([, { size }]) => size)).toEqual([6, 3, 1, 4, 0, 2, 5])
  expect(inOrderOfUse([])).toEqual([])
})
