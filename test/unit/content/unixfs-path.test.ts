import { beforeAll, describe, expect, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import { identity } from 'multiformats/hashes/identity'
import { directoryEntries, directoryRoot, takeEntries } from '../../../src/content/unixfs/directory.ts'
import { resolvePath } from '../../../src/content/unixfs/path.ts'
import {
  BlockMemory,
  rememberedOnly,
  rememberingBlocks,
} from '../../../src/content/unixfs/remembered-blocks.ts'
import type { BlockReader } from '../../../src/content/unixfs/blocks.ts'
import { type ContentTree, importTree, type TreeEntries } from '../../fixtures/content-tree.ts'
import { HandMadeBlocks } from '../../fixtures/unixfs-blocks.ts'

const { signal } = new AbortController()

function readerOf(tree: ContentTree): BlockReader {
  return { get: (cid) => Promise.resolve(tree.blocks.get(cid.toString())!) }
}

describe.each([3, 4, 8, 10])('a directory sharded by %i bits', (shardFanoutBits) => {
  const COUNT = 700
  let tree: ContentTree
  beforeAll(async () => {
    const entries: TreeEntries = {}
    for (let index = 0; index < COUNT; index++) entries[`d/näme-${index}`] = Buffer.from(String(index % 7))
    tree = await importTree(entries, { cidVersion: 1, shardSplitThresholdBytes: 1, shardFanoutBits })
  })

  test('has every entry where its hash says', async () => {
    for (const [path, cid] of tree.cids) {
      if (path === '') continue
      const { cid: found } = await resolvePath(
        readerOf(tree),
        { root: tree.root, segments: path.split('/') },
        { signal },
      )
      expect(found.equals(cid)).toBe(true)
    }
  })

  test('has nothing else', async () => {
    for (const name of ['absent', 'näme-', 'näme-700', '0', 'FF', '00näme-1']) {
      await expect(
        resolvePath(readerOf(tree), { root: tree.root, segments: ['d', name] }, { signal }),
      ).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND', detail: { missing: 1 } })
    }
  })

  test.each([1, 8])('lists all of them, %i shards in flight', async (readAhead) => {
    const cid = tree.cids.get('d')!
    const root = directoryRoot(cid, tree.blocks.get(cid.toString())!, 'd')
    const entries = await takeEntries(directoryEntries(readerOf(tree), root, { signal, readAhead }), 10_000)
    expect(new Set(entries.map(({ name }) => name)).size).toBe(COUNT)
    expect(entries).toHaveLength(COUNT)
  })
})

test('names the root, each directory and the end of a path', async () => {
  const tree = await importTree({ 'a/b/c': Buffer.from('x') })
  const { cid, cids } = await resolvePath(
    readerOf(tree),
    { root: tree.root, segments: ['a', 'b', 'c'] },
    { signal },
  )
  expect(cids.map(String)).toEqual(['', 'a', 'a/b', 'a/b/c'].map((path) => tree.cids.get(path)!.toString()))
  expect(cid.equals(tree.cids.get('a/b/c')!)).toBe(true)
})

describe('what leads nowhere', () => {
  const blocks = new HandMadeBlocks()
  const file = blocks.raw(Buffer.from('x'))
  const root = blocks.directory([
    ['file', file],
    ['parts', blocks.file([[file, 1]])],
    ['link', blocks.directory([], 'symlink')],
    ['cbor', CID.parse('bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua')],
    ['..', file],
    ['', file],
  ])

  test.each([
    [['none'], 0],
    [['file', 'x'], 1],
    [['parts', 'x'], 1],
    [['link', 'x'], 1],
    [['cbor', 'x', 'y'], 1],
    [['..'], 0],
    [['file', '.'], 1],
    [[''], 0],
  ])('%j', async (segments, missing) => {
    await expect(resolvePath(blocks, { root, segments }, { signal })).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      detail: { missing },
    })
  })
})

describe('a shard that no program would make', () => {
  test.each([
    ['3 slots', 3, 0x22],
    ['no slots', 0, 0x22],
    ['2048 slots', 2048, 0x22],
    ['another hash', 256, 0x12],
  ])('%s', async (_, fanout, hashType) => {
    const blocks = new HandMadeBlocks()
    const root = blocks.shard([], fanout, hashType)
    await expect(resolvePath(blocks, { root, segments: ['a'] }, { signal })).rejects.toMatchObject({
      detail: { unsound: expect.anything() },
    })
  })

  test('of one slot after the other, deeper than the hash', async () => {
    const blocks = new HandMadeBlocks()
    let cid = blocks.shard([['0A', blocks.raw(Buffer.from('x'))]])
    for (let level = 0; level < 100; level++) {
      const below = cid
      cid = blocks.shard(
        Array.from(
          { length: 256 },
          (_, slot) => [slot.toString(16).toUpperCase().padStart(2, '0'), below] as const,
        ),
      )
    }
    await expect(resolvePath(blocks, { root: cid, segments: ['a'] }, { signal })).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
    })
    expect(blocks.asked.length).toBeLessThanOrEqual(9)
    const root = directoryRoot(cid, blocks.bytesOf(cid), 'd')
    await expect(
      takeEntries(directoryEntries(blocks, root, { signal, readAhead: 1 }), 10),
    ).rejects.toMatchObject({
      code: 'CONTENT_TOO_LARGE',
    })
  })

  test('that is part of its directory again and again, without a name in it', async () => {
    const blocks = new HandMadeBlocks()
    const slots = Array.from({ length: 256 }, (_, slot) => slot.toString(16).toUpperCase().padStart(2, '0'))
    let cid = blocks.shard([])
    for (let level = 0; level < 7; level++) {
      const below = cid
      cid = blocks.shard(slots.map((slot) => [slot, below]))
    }
    const root = directoryRoot(cid, blocks.bytesOf(cid), 'd')
    const listing = takeEntries(directoryEntries(blocks, root, { signal, readAhead: 1 }), 10)
    await expect(listing).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    expect(blocks.asked.length).toBeLessThanOrEqual(10)
  })

  test('whose part has other slots, or is a file', async () => {
    const blocks = new HandMadeBlocks()
    for (const part of [blocks.shard([], 16), blocks.raw(Buffer.from('x')), blocks.directory([])]) {
      const slots = Array.from({ length: 256 }, (_, slot) => slot.toString(16).toUpperCase().padStart(2, '0'))
      const root = blocks.shard(slots.map((slot) => [slot, part]))
      await expect(resolvePath(blocks, { root, segments: ['a'] }, { signal })).rejects.toMatchObject({
        code: 'CONTENT_NOT_FOUND',
      })
    }
  })
})

describe('remembered blocks', () => {
  test('are read once, and answer alone', async () => {
    const blocks = new HandMadeBlocks()
    const inner = blocks.directory([['file', blocks.raw(Buffer.from('x'))]])
    const root = blocks.directory([['inner', inner]])
    const memory = new BlockMemory(10_000)
    const path = { root, segments: ['inner', 'file'] }
    for (let round = 0; round < 3; round++)
      await resolvePath(rememberingBlocks(blocks, memory), path, { signal })
    expect(blocks.asked).toHaveLength(2)
    await resolvePath(rememberedOnly(memory), path, { signal })
    await expect(resolvePath(rememberedOnly(new BlockMemory(0)), path, { signal })).rejects.toMatchObject({
      code: 'CONTENT_UNAVAILABLE',
    })
  })

  test('take no more bytes than they may', () => {
    const blocks = new HandMadeBlocks()
    const memory = new BlockMemory(10_000)
    const cids = Array.from({ length: 50 }, (_, index) => {
      const bytes = Buffer.alloc(1000, index)
      const cid = blocks.raw(bytes)
      memory.add(cid, bytes)
      return cid
    })
    const kept = cids.filter((cid) => memory.get(cid) !== undefined)
    expect(kept.length).toBeGreaterThan(4)
    expect(kept.length).toBeLessThanOrEqual(10)
  })
})

describe('a directory block', () => {
  const bytesOf = (...hex: string[]): Uint8Array => Buffer.from(hex.join(''), 'hex')
  const DIRECTORY = '0a020801'

  test.each([
    ['nothing', ''],
    ['a field of another number', `${DIRECTORY}1a00`],
    ['a link longer than the block', `127f00${DIRECTORY}`],
    ['a length without end', `12ffffffffff${DIRECTORY}`],
    ['a length that ends with the block', '12ff'],
    ['a link with a field of another number', `12022200${DIRECTORY}`],
    ['a link whose name is longer than the link', `12031205610a020801`],
    ['a link of that name without a CID', `1203120161${DIRECTORY}`],
    ['a link of that name with a malformed CID', `12070a02ffff120161${DIRECTORY}`],
    ['data that is no UnixFS', '0a02ffff'],
  ])('of %s is not sound', async (_, hex) => {
    const blocks = new HandMadeBlocks()
    const root = blocks.put(0x70, bytesOf(hex))
    await expect(resolvePath(blocks, { root, segments: ['a'] }, { signal })).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      detail: { unsound: expect.anything() },
    })
  })

  test('may have its data first, and links without names or sizes', async () => {
    const blocks = new HandMadeBlocks()
    const file = blocks.raw(Buffer.from('x'))
    const hash = `0a24${Buffer.from(file.bytes).toString('hex')}`
    const root = blocks.put(0x70, bytesOf(DIRECTORY, '1226', hash, '1229', hash, '120161'))
    expect((await resolvePath(blocks, { root, segments: ['a'] }, { signal })).cid.equals(file)).toBe(true)
  })

  test('of thousands of entries gives the right one', async () => {
    const blocks = new HandMadeBlocks()
    const names = Array.from({ length: 5000 }, (_, index) => `${index}`.padStart(64, 'a'))
    const root = blocks.directory(names.map((name) => [name, blocks.raw(Buffer.from(name))]))
    for (const name of [names[0]!, names[777]!, names[4999]!]) {
      const { cid } = await resolvePath(blocks, { root, segments: [name] }, { signal })
      expect(Buffer.from(blocks.bytesOf(cid)).toString()).toBe(name)
    }
    for (const name of [names[0]!.slice(1), `${names[0]!}0`, 'a'.repeat(64)]) {
      await expect(resolvePath(blocks, { root, segments: [name] }, { signal })).rejects.toMatchObject({
        detail: { missing: 0 },
      })
    }
  })
})

test('a sharded directory of 100 000 entries is listed shard by shard', async () => {
  const blocks = new HandMadeBlocks()
  const file = blocks.raw(Buffer.from('x'))
  const slot = (index: number): string => index.toString(16).toUpperCase().padStart(2, '0')
  const parts = Array.from({ length: 256 }, (_, top) =>
    blocks.shard(
      Array.from({ length: 400 }, (_, index) => [`${slot(index % 256)}entry-${top}-${index}`, file]),
    ),
  )
  const cid = blocks.shard(parts.map((part, index) => [slot(index), part]))
  const root = directoryRoot(cid, blocks.bytesOf(cid), 'd')
  const some = await takeEntries(directoryEntries(blocks, root, { signal, readAhead: 4 }), 1000)
  expect(some).toHaveLength(1000)
  expect(blocks.asked.length).toBeLessThanOrEqual(3 + 4)
  const all = await takeEntries(directoryEntries(blocks, root, { signal, readAhead: 4 }), 1_000_000)
  expect(all).toHaveLength(102_400)
})

test('a directory of more links than honest CIDs have room for is not looked through', async () => {
  const blocks = new HandMadeBlocks()
  const nothing = CID.createV1(0x55, identity.digest(new Uint8Array()))
  const root = blocks.directory(Array.from({ length: 65_537 }, () => ['a', nothing] as const))
  await expect(resolvePath(blocks, { root, segments: ['b'] }, { signal })).rejects.toMatchObject({
    code: 'CONTENT_NOT_FOUND',
    message: expect.stringContaining('65536 links') as unknown,
  })
})
