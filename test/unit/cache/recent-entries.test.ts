import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openMetadata, type Metadata } from '../../../src/cache/metadata.ts'
import { RecentEntries } from '../../../src/cache/recent-entries.ts'

const MIB = 1024 * 1024

let folder: string
let metadata: Metadata
let failures: unknown[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recent-entries-'))
  metadata = await openMetadata(folder)
  failures = []
})

afterEach(async () => {
  await metadata.close()
  await rm(folder, { recursive: true, force: true })
})

function open(limit = 1000): Promise<RecentEntries> {
  const onFailure = (error: unknown): void => void failures.push(error)
  return RecentEntries.open({ metadata, name: 'entry', limit, onFailure })
}

const value = (seed: number, length = 50): Uint8Array => new Uint8Array(length).fill(seed)

/** Fills the current table. */
async function turn(entries: RecentEntries): Promise<void> {
  entries.put('filler', value(0, 1000))
  await entries.settled()
}

test('bytes come back as they were, also after a restart', async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
  const entries = await open()
  entries.put('one', bytes)
  entries.put('none', new Uint8Array())
  await entries.settled()
  await metadata.close()
  metadata = await openMetadata(folder)
  const again = await open()
  expect(await again.get('one')).toEqual(bytes)
  expect(await again.get('none')).toEqual(new Uint8Array())
  expect(await again.get('two')).toBeUndefined()
})

test('what is not written yet is found all the same', async () => {
  const entries = await open()
  entries.put('a/1', value(1))
  await entries.settled()
  entries.put('a/1', value(2))
  entries.put('a/2', value(3))
  expect(await Promise.all([entries.get('a/1'), entries.get('a/2')])).toEqual([value(2), value(3)])
  entries.put('a/1', value(4))
  entries.put('a/3', value(5))
  expect([...(await entries.withPrefix('a/', 10)).values()].map(([first]) => first).sort()).toEqual([3, 4, 5])
  await entries.settled()
  expect(await entries.get('a/1')).toEqual(value(4))
})

test('entries are found by what their keys begin with, in both tables, each once', async () => {
  const entries = await open()
  entries.put('a/1', value(1))
  entries.put('a/2', value(2))
  await turn(entries)
  entries.put('a/2', value(3))
  entries.put('a/4', value(4))
  entries.put('b/1', value(5))
  entries.put('a', value(6))
  await entries.settled()
  const found = await entries.withPrefix('a/', 10)
  expect([...found].sort()).toEqual([
    ['a/1', value(1)],
    ['a/2', value(3)],
    ['a/4', value(4)],
  ])
  expect((await entries.withPrefix('a/', 1)).size).toBeLessThanOrEqual(2)
})

test('what was found by its prefix outlives what was not', async () => {
  const entries = await open()
  entries.put('a/1', value(1))
  entries.put('b/1', value(1))
  await turn(entries)
  expect(await entries.withPrefix('a/', 10)).toEqual(new Map([['a/1', value(1)]]))
  await turn(entries)
  expect((await entries.withPrefix('a/', 10)).size).toBe(1)
  expect(await entries.get('b/1')).toBeUndefined()
})

test('what is added again and again is written once in each turn', async () => {
  const entries = await open()
  let made = 0
  const add = async (): Promise<void> => {
    entries.add('a', () => {
      made += 1
      return value(1)
    })
    await entries.settled()
  }
  for (let count = 0; count < 100; count += 1) await add()
  expect(made).toBe(1)
  await turn(entries)
  await add()
  expect(made).toBe(2)
  await turn(entries)
  expect(await entries.get('a')).toEqual(value(1))
})

test('what comes faster than the disk takes it is dropped, and is told', async () => {
  const entries = await open(1000 * MIB)
  for (let number = 0; number < 40; number += 1) entries.add(`n${number}`, () => value(number, MIB))
  expect(failures.length).toBeGreaterThan(10)
  expect(failures[0]).toMatchObject({ code: 'STORE_FAILED' })
  await entries.settled()
  expect((await entries.get('n0'))?.byteLength).toBe(MIB)
  expect(await entries.get('n39')).toBeUndefined()
  entries.add('n39', () => value(39, MIB))
  await entries.settled()
  expect((await entries.get('n39'))?.byteLength).toBe(MIB)
})

test('what could not be written is written when it is added again', async () => {
  const entries = await open()
  jest.spyOn(metadata, 'batch').mockImplementationOnce(() => {
    throw new Error('no space left')
  })
  entries.add('a', () => value(1))
  await entries.settled()
  expect(failures).toEqual([new Error('no space left')])
  entries.add('a', () => value(1))
  await entries.settled()
  expect(await entries.get('a')).toEqual(value(1))
  expect(failures).toHaveLength(1)
})

test('how much there is, and whose turn it is, outlive a restart', async () => {
  const entries = await open()
  entries.put('old', value(1, 990))
  await entries.settled()
  entries.put('turns', value(2))
  await entries.settled()
  entries.put('half', value(3, 600))
  await entries.settled()
  const again = await open()
  again.put('other half', value(4, 600))
  await again.settled()
  // That was the second turn, for which the first table was emptied.
  expect(await again.get('old')).toBeUndefined()
  expect(await again.get('half')).toEqual(value(3, 600))
})
