import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { BufferPool } from '../../../src/cache/buffer-pool.ts'
import { Spool } from '../../../src/cache/spool.ts'
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
  const careful = await Spool.create(join(folder, 'careful'), checkRoom)
  const piece = new Uint8Array(1024 * 1024)
  for (let at = 0; at < 4; at++) await careful.append(piece)
  room = false
  const rest = careful.append(piece).then(() => careful.flush())
  await expect(rest).rejects.toBe(full)
  await expect(Spool.create(join(folder, 'none'), checkRoom)).rejects.toBe(full)
  await careful.close()
})
