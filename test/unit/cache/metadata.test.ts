import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { openMetadata } from '../../../src/cache/metadata.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'metadata-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

test('one at a time: the second is told that the store is held, and gets it when it is free', async () => {
  const path = join(folder, 'metadata')
  const first = await openMetadata(path)
  await expect(openMetadata(path)).rejects.toMatchObject({
    code: 'STORE_LOCKED',
    message: `the store ${path} is held by another process`,
  })
  await first.put('key', 'value')
  await first.close()
  const second = await openMetadata(path)
  expect(await second.get('key')).toBe('value')
  await second.close()
})

test('what can not be opened is said with the reason', async () => {
  const path = join(folder, 'file')
  await writeFile(path, 'no folder')
  await expect(openMetadata(path)).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringMatching(/can't be opened: .*(directory|file)/i),
  })
})
