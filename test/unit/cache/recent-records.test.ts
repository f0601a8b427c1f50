import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openMetadata, type Metadata } from '../../../src/cache/metadata.ts'
import { RecentRecords } from '../../../src/cache/recent-records.ts'

let folder: string
let metadata: Metadata
let failures: unknown[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recent-records-'))
  metadata = await openMetadata(folder)
  failures = []
})

afterEach(async () => {
  await metadata.close()
  await rm(folder, { recursive: true, force: true })
})

interface Place {
  at: string
}

function open(limit = 1000): Promise<RecentRecords<Place>> {
  return RecentRecords.open<Place>({
    metadata,
    name: 'place',
    limit,
    onFailure: (error) => failures.push(error),
  })
}

/** Of about 25 characters. */
async function add(records: RecentRecords<Place>, key: string): Promise<void> {
  records.put(key, { at: `here-${key}-here` })
  await records.settled()
}

test('what was put is there, also when the store is opened again', async () => {
  const records = await open()
  await add(records, 'one')
  expect(await records.get('one')).toEqual({ at: 'here-one-here' })
  expect(await records.get('two')).toBeUndefined()
  await metadata.close()
  metadata = await openMetadata(folder)
  expect(await (await open()).get('one')).toEqual({ at: 'here-one-here' })
})

test('what nobody has asked for since goes first, and the number kept is bounded', async () => {
  const records = await open(200)
  for (let number = 0; number < 100; number += 1) {
    await add(records, `n${number}`)
    expect(await records.get('n0')).toBeDefined()
  }
  const kept = []
  for (let number = 0; number < 100; number += 1) {
    if ((await records.get(`n${number}`)) !== undefined) kept.push(number)
    await records.settled()
  }
  expect(kept).toContain(0)
  expect(kept).toContain(99)
  expect(kept).not.toContain(1)
  expect(kept.length).toBeLessThan(20)
  expect(failures).toEqual([])
})

test('the bound holds over restarts', async () => {
  for (let number = 0; number < 100; number += 1) await add(await open(200), `n${number}`)
  const records = await open(200)
  const all = await Promise.all(Array.from({ length: 100 }, (_, number) => records.get(`n${number}`)))
  // What was found is written again, and must be before the store is closed.
  await records.settled()
  expect(all.at(-1)).toBeDefined()
  expect(all.filter((record) => record !== undefined).length).toBeLessThan(20)
})

test('a store that fails costs the record, and is told', async () => {
  const records = await open()
  await metadata.close()
  await add(records, 'one')
  expect(await records.get('one')).toBeUndefined()
  expect(failures).toHaveLength(2)
  metadata = await openMetadata(folder)
})
