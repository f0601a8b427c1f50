import { write as fsWrite } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { BufferPool } from '../../../src/cache/buffer-pool.ts'
import { Spool, type WriteShared } from '../../../src/cache/spool.ts'
import { patternBytes } from '../../fixtures/content-tree.ts'

const BYTES = patternBytes(3 * 1024 * 1024 + 5, 8)
const pool = new BufferPool({ large: 64 * 1024, small: 1024, limit: 1024 * 1024 })

let folder: string
let spool: Spool
/** The file beneath, to see and to spoil what is done to it. */
let file: FileHandle

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spool-'))
  spool = await Spool.create(join(folder, 'incoming'))
  ;({ file } = spool as unknown as { file: FileHandle })
})

afterEach(async () => {
  await spool.close()
  await rm(folder, { recursive: true, force: true })
})

async function append(pieceSize: number): Promise<void> {
  for (let at = 0; at < BYTES.length; at += pieceSize) await spool.append(BYTES.subarray(at, at + pieceSize))
}

test('what was appended is in the file when it is in its place, and can still be read', async () => {
  await append(100_000)
  await spool.commit(join(folder, 'done'))
  expect((await readFile(join(folder, 'done'))).equals(BYTES)).toBe(true)
  const { buffer, bytes } = await spool.read(1_000_000, 1_000, pool)
  expect(buffer.subarray(0, bytes).equals(BYTES.subarray(1_000_000, 1_001_000))).toBe(true)
  pool.give(buffer)
})

test('a file system that writes less than it was given is asked again for the rest', async () => {
  const writev = file.writev.bind(file)
  file.writev = (async (pieces: Uint8Array[], position: number) => {
    // Ends in the middle of the second piece.
    const [first, second] = pieces
    const part = second === undefined ? [first?.subarray(0, 30_000)] : [first, second.subarray(0, 7)]
    return writev(part as Uint8Array[], position)
  }) as typeof file.writev
  await append(100_000)
  await spool.flush()
  expect(spool.written).toBe(BYTES.length)
  await spool.commit(join(folder, 'done'))
  expect((await readFile(join(folder, 'done'))).equals(BYTES)).toBe(true)
})

test('the kernel gets no more than 64 KiB at once, in as few writes as that takes', async () => {
  const writev = file.writev.bind(file)
  const sizes: number[] = []
  file.writev = (async (pieces: Uint8Array[], position: number) => {
    sizes.push(pieces.reduce((sum, { length }) => sum + length, 0))
    return writev(pieces, position)
  }) as typeof file.writev
  await append(512 * 1024)
  await spool.commit(join(folder, 'done'))
  expect(sizes).toEqual([...Array<number>(48).fill(64 * 1024), 5])
  expect((await readFile(join(folder, 'done'))).equals(BYTES)).toBe(true)
})

test('an error of an earlier write is not lost', async () => {
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  file.writev = () => Promise.reject(full)
  const all = append(1024 * 1024).then(() => spool.flush())
  await expect(all).rejects.toBe(full)
})

describe('pieces of shared memory', () => {
  const SHARED = Buffer.from(new SharedArrayBuffer(BYTES.length))
  SHARED.set(BYTES)

  async function written(writeShared: WriteShared): Promise<Buffer> {
    const path = join(folder, 'shared')
    const made = await Spool.create(path, { writeShared })
    try {
      for (let at = 0, turn = 0; at < BYTES.length; at += 300_000, turn += 1) {
        const from = turn % 3 === 1 ? BYTES : SHARED
        await made.append(from.subarray(at, at + 300_000))
      }
      await made.flush()
      expect(made.written).toBe(BYTES.length)
      return await readFile(path)
    } finally {
      await made.close()
    }
  }

  test('are written as the spool is told, the others by itself, one after the other', async () => {
    let underWay = 0
    let most = 0
    const from = new Set<ArrayBufferLike>()
    const bytes = await written(async (fd, piece, position) => {
      most = Math.max(most, (underWay += 1))
      from.add(piece.buffer)
      await new Promise((resolve) => fsWrite(fd, piece, 0, piece.length, position, resolve))
      underWay -= 1
    })
    expect(bytes.equals(BYTES)).toBe(true)
    expect(most).toBe(1)
    expect(from).toEqual(new Set([SHARED.buffer]))
  })

  test('are written by itself where nobody else does', async () => {
    expect((await written(() => undefined)).equals(BYTES)).toBe(true)
  })

  test('that could not be written fail it', async () => {
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    await expect(written(() => Promise.reject(full))).rejects.toBe(full)
  })

  test('are not written any more when it is closed', async () => {
    let end: () => void = () => undefined
    const writeShared = (): Promise<void> => new Promise((resolve) => (end = resolve))
    const made = await Spool.create(join(folder, 'slow'), { writeShared })
    await made.append(SHARED)
    let closed = false
    const closing = made.close().then(() => (closed = true))
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(closed).toBe(false)
    end()
    await closing
  })
})

test('what was discarded is gone', async () => {
  await append(500_000)
  await spool.discard()
  await expect(readFile(join(folder, 'incoming'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test('two buffers in turn are enough to write with', async () => {
  const buffers = [Buffer.alloc(100_000), Buffer.alloc(100_000)]
  for (let at = 0; at < BYTES.length; at += 100_000) {
    const [buffer = Buffer.alloc(0)] = buffers.reverse()
    const piece = BYTES.subarray(at, at + 100_000)
    buffer.set(piece)
    await spool.write(buffer.subarray(0, piece.length))
  }
  await spool.sync()
  await spool.commit(join(folder, 'done'))
  expect((await readFile(join(folder, 'done'))).equals(BYTES)).toBe(true)
})

test('it is asked again and again whether there is room', async () => {
  let room = true
  const full = Object.assign(new Error('full'), { code: 'ENOSPC' })
  const checkRoom = (): Promise<void> => (room ? Promise.resolve() : Promise.reject(full))
  const careful = await Spool.create(join(folder, 'careful'), { checkRoom })
  const piece = new Uint8Array(1024 * 1024)
  for (let at = 0; at < 4; at++) await careful.append(piece)
  room = false
  const rest = careful.append(piece).then(() => careful.flush())
  await expect(rest).rejects.toBe(full)
  await expect(Spool.create(join(folder, 'none'), { checkRoom })).rejects.toBe(full)
  await careful.close()
})
