import { describe, expect, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import { identity } from 'multiformats/hashes/identity'
import { clampRange } from '../../../src/content/source.ts'
import { fileBytes, fileRoot } from '../../../src/content/unixfs/file.ts'
import { patternBytes } from '../../fixtures/content-tree.ts'
import { HandMadeBlocks } from '../../fixtures/unixfs-blocks.ts'

const { signal } = new AbortController()

async function read(blocks: HandMadeBlocks, cid: CID, range?: { start: number; end: number }, readAhead = 1) {
  const root = fileRoot(cid, blocks.bytesOf(cid), 'the file')
  const pieces: Uint8Array[] = []
  for await (const piece of fileBytes(blocks, root, clampRange(range, root.node.size), {
    signal,
    readAhead,
  })) {
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** `count` leaves of `size` bytes under one root. */
function flat(count: number, size: number): { blocks: HandMadeBlocks; root: CID; bytes: Buffer } {
  const blocks = new HandMadeBlocks()
  const leaves = Array.from({ length: count }, (_, index) => patternBytes(size, index + 1))
  const root = blocks.file(leaves.map((leaf) => [blocks.raw(leaf), size]))
  return { blocks, root, bytes: Buffer.concat(leaves) }
}

test('reads data that stands in front of children, on every level', async () => {
  const blocks = new HandMadeBlocks()
  const inner = blocks.file([[blocks.raw(Buffer.from('def')), 3]], { data: Buffer.from('c') })
  const wrapped = blocks.file([], { data: Buffer.from('gh'), type: 'raw' })
  const root = blocks.file(
    [
      [inner, 4],
      [wrapped, 2],
    ],
    { data: Buffer.from('ab') },
  )
  expect((await read(blocks, root)).toString()).toBe('abcdefgh')
  for (let start = 0; start <= 8; start++) {
    for (let end = start; end <= 9; end++) {
      expect((await read(blocks, root, { start, end })).toString()).toBe('abcdefgh'.slice(start, end))
    }
  }
})

test('asks only for the parts that touch the range', async () => {
  const { blocks, root, bytes } = flat(10, 100)
  expect((await read(blocks, root, { start: 250, end: 301 })).equals(bytes.subarray(250, 301))).toBe(true)
  expect(blocks.asked).toHaveLength(2)
})

test('asks for nothing when the range is empty', async () => {
  const { blocks, root } = flat(10, 100)
  expect(await read(blocks, root, { start: 250, end: 250 })).toHaveLength(0)
  expect(await read(blocks, root, { start: 5000, end: 6000 })).toHaveLength(0)
  expect(blocks.asked).toHaveLength(0)
})

describe('reading ahead', () => {
  test.each([1, 2, 8])('keeps %i blocks in flight', async (readAhead) => {
    const { blocks, root, bytes } = flat(100, 64)
    expect((await read(blocks, root, undefined, readAhead)).equals(bytes)).toBe(true)
    expect(blocks.mostInFlight).toBe(readAhead)
    expect(blocks.asked).toHaveLength(100)
  })

  test.each([1, 8])('stops with the consumer, %i in flight', async (readAhead) => {
    const { blocks, root } = flat(100, 64)
    const opened = fileRoot(root, blocks.bytesOf(root), 'the file')
    let count = 0
    for await (const piece of fileBytes(blocks, opened, { start: 0, end: 6400 }, { signal, readAhead })) {
      expect(piece).toHaveLength(64)
      if (++count === 10) break
    }
    const { length } = blocks.asked
    expect(length).toBeLessThanOrEqual(10 + readAhead)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(blocks.asked).toHaveLength(length)
  })

  test('does not leave a failure of a block ahead unhandled', async () => {
    const { blocks, root } = flat(20, 64)
    const missing = new HandMadeBlocks()
    const opened = fileRoot(root, blocks.bytesOf(root), 'the file')
    const bytes = fileBytes(missing, opened, { start: 0, end: 1280 }, { signal, readAhead: 8 })
    await expect(bytes.next()).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  })
})

describe('a file that contradicts itself is no file', () => {
  const unsound = { code: 'CONTENT_NOT_FOUND', detail: { unsound: expect.anything() } }

  test.each([9, 11])('a leaf of 10 bytes where %i belong', async (said) => {
    const blocks = new HandMadeBlocks()
    const leaf = blocks.raw(patternBytes(10))
    await expect(read(blocks, blocks.file([[leaf, said]]))).rejects.toMatchObject(unsound)
    const inner = blocks.file([[leaf, 10]])
    await expect(read(blocks, blocks.file([[inner, said]]))).rejects.toMatchObject(unsound)
  })

  test.each([[[10, 5]], [[]]])('one child but sizes %j', async (sizes) => {
    const blocks = new HandMadeBlocks()
    const root = blocks.file([[blocks.raw(patternBytes(10)), 10]], { sizes })
    await expect(read(blocks, root)).rejects.toMatchObject(unsound)
  })

  test('a file size that is not the sum of its parts', async () => {
    const blocks = new HandMadeBlocks()
    const root = blocks.file([[blocks.raw(patternBytes(10)), 10]], { declared: 12 })
    await expect(read(blocks, root)).rejects.toMatchObject(unsound)
  })

  test('a size beyond all numbers', async () => {
    const blocks = new HandMadeBlocks()
    const leaf = blocks.raw(patternBytes(10))
    const root = blocks.file([
      [leaf, Number.MAX_SAFE_INTEGER],
      [leaf, Number.MAX_SAFE_INTEGER],
    ])
    await expect(read(blocks, root)).rejects.toMatchObject(unsound)
  })

  test('a part that is a directory, or no UnixFS', async () => {
    const blocks = new HandMadeBlocks()
    for (const part of [
      blocks.directory([]),
      blocks.put(0x71, Uint8Array.of(0xa0)),
      blocks.node(Uint8Array.of(9), []),
    ]) {
      await expect(read(blocks, blocks.file([[part, 10]]))).rejects.toMatchObject({
        code: 'CONTENT_NOT_FOUND',
      })
    }
  })
})

test('is not drawn into a DAG of empty parts', async () => {
  const blocks = new HandMadeBlocks()
  let empty = blocks.raw(new Uint8Array())
  for (let level = 0; level < 20; level++) {
    empty = blocks.file(Array.from({ length: 1000 }, () => [empty, 0] as const))
  }
  const root = blocks.file([
    [empty, 0],
    [blocks.raw(Buffer.from('x')), 1],
  ])
  expect((await read(blocks, root)).toString()).toBe('x')
  expect(blocks.asked).toHaveLength(1)
})

test('does not follow a DAG that is absurdly deep', async () => {
  const blocks = new HandMadeBlocks()
  let cid = blocks.raw(Buffer.from('x'))
  for (let level = 0; level < 200; level++) cid = blocks.file([[cid, 1]])
  await expect(read(blocks, cid)).rejects.toMatchObject({ code: 'CONTENT_TOO_LARGE' })
})

test('does not hold a DAG that is absurdly wide on every level', async () => {
  const blocks = new HandMadeBlocks()
  let cid = blocks.raw(Buffer.from('x'))
  let size = 1
  for (let level = 0; level < 3; level++) {
    // The first part is followed; the others wait.
    cid = blocks.file(Array.from({ length: level === 2 ? 2 : 40_000 }, () => [cid, size] as const))
    size *= level === 2 ? 2 : 40_000
  }
  const root = fileRoot(cid, blocks.bytesOf(cid), 'the file')
  let count = 0
  for await (const piece of fileBytes(blocks, root, { start: 0, end: size }, { signal, readAhead: 1 })) {
    expect(piece).toHaveLength(1)
    if (++count === 100) break
  }
  expect(blocks.asked).toHaveLength(102)
})

test('a directory or symlink is not a file', () => {
  const blocks = new HandMadeBlocks()
  for (const cid of [blocks.directory([]), blocks.directory([], 'symlink'), blocks.shard([])]) {
    expect(() => fileRoot(cid, blocks.bytesOf(cid), 'it')).toThrow(/, not a file$/)
  }
})

test('a block of more links than honest CIDs have room for is refused', () => {
  const blocks = new HandMadeBlocks()
  const nothing = CID.createV1(0x55, identity.digest(new Uint8Array()))
  const links = (count: number): CID =>
    blocks.file(Array.from({ length: count }, () => [nothing, 0] as const))
  const most = links(65_536)
  expect(fileRoot(most, blocks.bytesOf(most), 'the file').node.size).toBe(0)
  const more = links(65_537)
  expect(() => fileRoot(more, blocks.bytesOf(more), 'the file')).toThrow(/65537 links/)
})
