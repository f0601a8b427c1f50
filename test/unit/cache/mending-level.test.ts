import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { ClassicLevel } from 'classic-level'
import { openMetadata, type Metadata } from '../../../src/cache/metadata.ts'

/** What LevelDB itself does. */
const level = ClassicLevel.prototype as unknown as Record<'_put' | '_batch', () => Promise<void>>

let folder: string
let metadata: Metadata
let begunLogs: jest.SpiedFunction<Metadata['compactRange']>

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mending-'))
  metadata = await openMetadata(folder)
  begunLogs = jest.spyOn(metadata, 'compactRange')
})

afterEach(async () => {
  jest.restoreAllMocks()
  await metadata.close()
  await rm(folder, { recursive: true, force: true })
})

const full = new Error('No space left on device')

/** The next write of this kind fails, when it is told to. */
function failNext(kind: '_put' | '_batch'): () => void {
  let fail = (): void => undefined
  jest
    .spyOn(level, kind)
    .mockImplementationOnce(() => new Promise((_, reject) => (fail = () => reject(full))))
  return () => fail()
}

test('after a failed write a new log is begun before anything else is written', async () => {
  await metadata.put('before', '1')
  expect(begunLogs).not.toHaveBeenCalled()
  const fail = failNext('_put')
  const failing = metadata.put('torn', '1')
  await Promise.resolve()
  fail()
  await expect(failing).rejects.toBe(full)
  const written = jest.spyOn(level, '_batch')
  await Promise.all([
    metadata.batch([{ type: 'put', key: 'after', value: '1' }]),
    metadata.batch().put('chained', '1').write({ sync: true }),
    metadata.sublevel('some', {}).put('where', '1'),
  ])
  expect(begunLogs).toHaveBeenCalledTimes(1)
  const [begun = Infinity] = begunLogs.mock.invocationCallOrder
  expect(Math.min(...written.mock.invocationCallOrder)).toBeGreaterThan(begun)
  await metadata.put('later', '1')
  expect(begunLogs).toHaveBeenCalledTimes(1)
  expect(await metadata.getMany(['before', 'after', 'chained', 'later'])).toEqual(['1', '1', '1', '1'])
})

test('a synchronous write is not told to be done while one beside it may have torn the log', async () => {
  const fail = failNext('_batch')
  const failing = metadata.batch([{ type: 'put', key: 'torn', value: '1' }])
  let done = false
  const writing = metadata
    .batch()
    .put('beside', '1')
    .write({ sync: true })
    .then(() => (done = true))
  await metadata.put('not synchronous', '1')
  expect(await metadata.get('beside')).toBe('1')
  expect(done).toBe(false)
  fail()
  await expect(failing).rejects.toBe(full)
  await writing
  expect(begunLogs).toHaveBeenCalledTimes(1)
})

test('as long as no new log can be begun, nothing is told to be written', async () => {
  const fail = failNext('_put')
  const failing = metadata.put('torn', '1')
  await Promise.resolve()
  fail()
  await expect(failing).rejects.toBe(full)
  begunLogs.mockRejectedValueOnce(full)
  await expect(metadata.put('after', '1')).rejects.toBe(full)
  expect(await metadata.get('after')).toBeUndefined()
  await metadata.put('after', '1')
  expect(await metadata.get('after')).toBe('1')
})
