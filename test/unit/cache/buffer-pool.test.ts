import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BufferPool } from '../../../src/cache/buffer-pool.ts'
import { CHUNK, ChunkSums } from '../../../src/cache/chunk-sums.ts'
import { readStored } from '../../../src/cache/stored-blob.ts'
import { createBufferPool } from '../../../src/wiring/store.ts'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'pool-'))))
afterEach(() => rm(folder, { recursive: true }))

test('gives large buffers up to the limit, then small ones', () => {
  const pool = new BufferPool({ large: 100, small: 10, limit: 250 })
  const taken = [pool.take(), pool.take(), pool.take(), pool.take()]
  expect(taken.map(({ length }) => length)).toEqual([100, 100, 10, 10])
  expect(pool.scarce).toBe(true)
  pool.give(taken[0] as Buffer)
  expect(pool.scarce).toBe(false)
  expect(pool.take()).toBe(taken[0])
})

test('gives both kinds again, and keeps no more small ones than the limit allows', () => {
  const pool = new BufferPool({ large: 100, small: 10, limit: 100 })
  const large = pool.take()
  const small = Array.from({ length: 12 }, () => pool.take())
  for (const buffer of small) pool.give(buffer)
  const again = Array.from({ length: 12 }, () => pool.take())
  expect(again.filter((buffer) => small.includes(buffer))).toHaveLength(10)
  pool.give(large)
  expect(pool.take()).toBe(large)
})

/** Knows how many buffers were in use at once. */
class WatchedPool extends BufferPool {
  most = 0
  private used = 0

  override take(): Buffer {
    this.used += 1
    this.most = Math.max(this.most, this.used)
    return super.take()
  }

  override give(buffer: Buffer): void {
    this.used -= 1
    super.give(buffer)
  }
}

test.each([
  ['two where there are enough', 64 * CHUNK, 2],
  ['one where they are scarce', 0, 1],
])('a reader of a stored blob holds %s', async (_, limit, most) => {
  const bytes = Buffer.alloc(5 * CHUNK + 7, 'abcdefg')
  const path = join(folder, 'blob')
  await writeFile(path, bytes)
  const sums = new ChunkSums()
  sums.update(bytes)
  const stored = {
    open: () => open(path, 'r'),
    size: bytes.length,
    sums: sums.finish(),
    onDamage: () => Promise.reject(new Error('damaged')),
  }
  const pool = new WatchedPool({ large: 2 * CHUNK, small: CHUNK, limit })
  const pieces: Buffer[] = []
  for await (const piece of readStored(stored, pool, 3, bytes.length)) pieces.push(Buffer.from(piece))
  expect(Buffer.concat(pieces).equals(bytes.subarray(3))).toBe(true)
  expect(pool.most).toBe(most)
})

test('as many readers as there may be get right bytes of a stored blob, with the buffers of the program', async () => {
  const bytes = Buffer.alloc(3 * CHUNK + 5, 'some content')
  const path = join(folder, 'blob')
  await writeFile(path, bytes)
  const sums = new ChunkSums()
  sums.update(bytes)
  const stored = {
    open: () => open(path),
    size: bytes.length,
    sums: sums.finish(),
    onDamage: (position: number) => Promise.reject(new Error(`damaged at ${position}`)),
  }
  const pool = createBufferPool()
  const readers = Array.from({ length: 40 }, () => readStored(stored, pool, 0, bytes.length))
  const got = readers.map((): Buffer[] => [])
  // All of them hold a buffer before any of them goes on.
  for (let left = readers.length; left > 0;) {
    const steps = await Promise.all(readers.map((reader) => reader.next()))
    for (const [index, { value }] of steps.entries()) {
      if (value !== undefined) got[index]?.push(Buffer.from(value))
    }
    left = steps.filter(({ done }) => done !== true).length
  }
  expect(pool.scarce).toBe(false)
  for (const pieces of got) expect(Buffer.concat(pieces).equals(bytes)).toBe(true)
})
