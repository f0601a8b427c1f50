import { describe, expect, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { createHash } from 'node:crypto'
import { CarBlockReader } from '../../../src/content/car/car-block-reader.ts'
import { CarReader, type CarOrigin } from '../../../src/content/car/car-reader.ts'
import type { ByteSource } from '../../../src/content/car/byte-source.ts'
import { BlockMemory } from '../../../src/content/unixfs/remembered-blocks.ts'
import type { BlockReader } from '../../../src/content/unixfs/blocks.ts'
import { carHeader, carSection, carV2, varint } from '../../fixtures/car-bytes.ts'
import { patternBytes } from '../../fixtures/content-tree.ts'

const { signal } = new AbortController()

function block(length: number, seed = length + 1): { cid: CID; bytes: Uint8Array } {
  const bytes = patternBytes(length, seed)
  return { cid: CID.createV1(0x55, digest.create(0x12, createHash('sha256').update(bytes).digest())), bytes }
}

const BLOCKS = [block(0), block(1), block(300), block(70_000), block(1024 * 1024), block(5)]
const ROOT = BLOCKS[0]!.cid
const CAR = Buffer.concat([carHeader([ROOT]), ...BLOCKS.map(({ cid, bytes }) => carSection(cid, bytes))])

/** The bytes in chunks of `size`; counts how many were taken. */
function inChunks(bytes: Uint8Array, size: number): ByteSource & { taken: number } {
  let at = 0
  return {
    taken: 0,
    read() {
      const chunk = bytes.subarray(at, at + size)
      at += chunk.byteLength
      this.taken = at
      return Promise.resolve(chunk.byteLength === 0 ? undefined : chunk)
    },
  }
}

async function readAll(bytes: Uint8Array, size = 65_536, origin?: CarOrigin) {
  const car = new CarReader(inChunks(bytes, size), 'test', origin)
  const roots = await car.readRoots()
  const blocks: { cid: CID; bytes: Uint8Array }[] = []
  for await (const { cid, bytes: lent } of car.blocks()) blocks.push({ cid, bytes: new Uint8Array(lent) })
  return { roots, blocks }
}

describe('a CAR', () => {
  test.each([1, 7, 1000, 65_536, CAR.byteLength])('is read from chunks of %i bytes', async (size) => {
    const { roots, blocks } = await readAll(CAR, size)
    expect(roots.map(String)).toEqual([ROOT.toString()])
    expect(blocks.map(({ cid }) => cid.toString())).toEqual(BLOCKS.map(({ cid }) => cid.toString()))
    expect(blocks.every(({ bytes }, index) => Buffer.compare(bytes, BLOCKS[index]!.bytes) === 0)).toBe(true)
  })

  test('may have no roots, several, and no blocks', async () => {
    expect(await readAll(carHeader([]))).toEqual({ roots: [], blocks: [] })
    const { roots } = await readAll(carHeader(BLOCKS.map(({ cid }) => cid)))
    expect(roots).toHaveLength(BLOCKS.length)
  })

  test('may have blocks of CIDv0 and of sha2-512', async () => {
    const bytes = patternBytes(100)
    const v0 = CID.createV0(digest.create(0x12, createHash('sha256').update(bytes).digest()))
    const long = CID.createV1(0x55, digest.create(0x13, createHash('sha512').update(bytes).digest()))
    const car = Buffer.concat([carHeader([v0]), carSection(v0, bytes), carSection(long, bytes)])
    const { blocks } = await readAll(car, 50)
    expect(blocks.map(({ cid }) => cid.toString())).toEqual([v0.toString(), long.toString()])
  })

  test('that ends anywhere but between sections is cut', async () => {
    const small = Buffer.concat([carHeader([ROOT]), carSection(BLOCKS[2]!.cid, BLOCKS[2]!.bytes)])
    const whole = new Set([carHeader([ROOT]).byteLength])
    for (let length = 0; length < small.byteLength; length++) {
      if (whole.has(length)) continue
      await expect(readAll(small.subarray(0, length), 33)).rejects.toMatchObject({
        code: 'CONTENT_UNAVAILABLE',
      })
    }
  })
})

describe('what is no CAR that can be read', () => {
  const header = carHeader([ROOT])
  const { cid, bytes } = BLOCKS[2]!
  const foreign = CID.createV1(0x55, digest.create(0xb220, createHash('sha256').update(bytes).digest()))
  const truncated = CID.createV1(
    0x55,
    digest.create(0x12, createHash('sha256').update(bytes).digest().subarray(0, 20)),
  )

  test.each([
    ['a web page', Buffer.from('<!DOCTYPE html><html><body>no</body></html>'.repeat(10))],
    ['a CARv2', Buffer.concat([Buffer.from('0aa16776657273696f6e02', 'hex'), Buffer.alloc(40)])],
    ['another version', carHeader([ROOT], 3)],
    ['a huge header', Buffer.concat([varint(10_000_000), Buffer.alloc(1000)])],
    ['a header that is no CBOR', Buffer.concat([varint(10), Buffer.alloc(10, 0xff)])],
    ['an empty section', Buffer.concat([header, Buffer.of(0)])],
    ['a length without end', Buffer.concat([header, Buffer.alloc(20, 0xff)])],
    ['a section of many TB', Buffer.concat([header, varint(2 ** 50), cid.bytes, bytes])],
    ['a section of 3 MiB', Buffer.concat([header, varint(3 * 1024 * 1024), cid.bytes, bytes])],
    ['a section without a CID', Buffer.concat([header, varint(200), Buffer.alloc(200, 9)])],
    ['another block than its CID says', Buffer.concat([header, carSection(ROOT, bytes)])],
    ['a hash that is not known', Buffer.concat([header, carSection(foreign, bytes)])],
    ['a hash cut short', Buffer.concat([header, carSection(truncated, bytes)])],
  ])('%s', async (_, car) => {
    for (const size of [1, 100, 65_536]) {
      await expect(readAll(car, size)).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
    }
  })

  test('is not waited for: a section that is too long is refused by its length', async () => {
    const source = inChunks(
      Buffer.concat([header, varint(2 ** 40), cid.bytes, Buffer.alloc(10_000_000)]),
      1000,
    )
    const car = new CarReader(source, 'test')
    await car.readRoots()
    await expect(car.take()).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
    expect(source.taken).toBeLessThan(3000)
  })

  test('is named with what it comes from', async () => {
    await expect(readAll(Buffer.from('0aa16776657273696f6e02', 'hex'))).rejects.toThrow(/^test .* CARv2/)
  })
})

describe('a file', () => {
  const small = Buffer.concat([carHeader([ROOT]), carSection(BLOCKS[2]!.cid, BLOCKS[2]!.bytes)])
  const index = Buffer.alloc(500, 7)

  test.each([
    ['right behind its header', carV2(small)],
    ['behind padding', carV2(small, { padding: 1000 })],
    ['in front of an index', carV2(small, { padding: 3, index })],
  ])('may be a CARv2, with its CARv1 %s', async (_, car) => {
    for (const size of [1, 100, 65_536]) {
      const { roots, blocks } = await readAll(car, size, 'file')
      expect(roots.map(String)).toEqual([ROOT.toString()])
      expect(blocks.map(({ cid }) => cid.toString())).toEqual([BLOCKS[2]!.cid.toString()])
    }
  })

  test('that is a CARv2 and ends before its CARv1 does is cut, also between sections', async () => {
    const whole = carV2(small, { padding: 10 })
    for (let length = 11; length < whole.byteLength; length++) {
      await expect(readAll(whole.subarray(0, length), 33, 'file')).rejects.toMatchObject({
        code: 'CONTENT_UNAVAILABLE',
        message: expect.stringMatching(/^test is a CAR that is cut/),
      })
    }
  })

  test.each([
    ['begins in its own header', carV2(small, { offset: 50 })],
    ['begins nowhere', carV2(small, { offset: 2 ** 60 })],
    ['is of absurd size', carV2(small, { size: 2 ** 53 })],
    ['is a CARv2 again', carV2(carV2(small))],
  ])('whose CARv1 %s is refused', async (_, car) => {
    await expect(readAll(car, 100, 'file')).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
  })

  test('may name more roots than an answer', async () => {
    const header = Buffer.concat([varint(100_000), Buffer.alloc(100_000, 0xff)])
    await expect(readAll(header)).rejects.toThrow(/its header has 100000 bytes/)
    await expect(readAll(header, 65_536, 'file')).rejects.toThrow(/its header is malformed/)
    const huge = Buffer.concat([varint(2_000_000), Buffer.alloc(10)])
    await expect(readAll(huge, 65_536, 'file')).rejects.toThrow(/its header has 2000000 bytes/)
  })

  test('is spoken of as one', async () => {
    const wrong = Buffer.concat([carHeader([ROOT]), carSection(ROOT, BLOCKS[2]!.bytes)])
    await expect(readAll(wrong, 100, 'file')).rejects.toThrow(/^test holds bytes for block /)
    await expect(readAll(Buffer.from('<!DOCTYPE html>'.repeat(10)), 100, 'file')).rejects.toThrow(
      /^test is no CAR/,
    )
  })
})

describe('blocks out of a CAR, in their order', () => {
  const [, one, few, many] = BLOCKS as [unknown, (typeof BLOCKS)[0], (typeof BLOCKS)[0], (typeof BLOCKS)[0]]
  const inline = CID.parse('bafkqablimvwgy3y')

  async function reader(blocks: readonly { cid: CID; bytes: Uint8Array }[], dups: 'y' | 'n' | undefined) {
    const fetched: string[] = []
    const fallback: BlockReader = {
      get: async (cid) => {
        fetched.push(cid.toString())
        return BLOCKS.find((each) => each.cid.equals(cid))!.bytes
      },
    }
    const bytes = Buffer.concat([
      carHeader([ROOT]),
      ...blocks.map((each) => carSection(each.cid, each.bytes)),
    ])
    const car = new CarReader(inChunks(bytes, 65_536), 'test')
    await car.readRoots()
    return { reader: new CarBlockReader(car, { name: 'test', dups, fallback }), fetched }
  }

  test('are given when they are asked for in that order', async () => {
    const { reader: blocks } = await reader([one, few, many], 'y')
    for (const each of [one, few, many])
      expect(await blocks.get(each.cid, { signal })).toEqual(Buffer.from(each.bytes))
    expect(await blocks.atEnd()).toBe(true)
    expect(blocks.taken).toBe(3)
  })

  test('a block that stands in its CID is never in the stream, and passed over if it is', async () => {
    const { reader: blocks } = await reader([one, { cid: inline, bytes: Buffer.from('hello') }, few], 'y')
    await blocks.get(one.cid, { signal })
    expect(Buffer.from(await blocks.get(inline, { signal })).toString()).toBe('hello')
    await blocks.get(few.cid, { signal })
    expect(await blocks.atEnd()).toBe(true)
  })

  test('a CAR of inline blocks without end is left', async () => {
    const { reader: blocks } = await reader(
      Array.from({ length: 2000 }, () => ({ cid: inline, bytes: Buffer.from('hello') })),
      'y',
    )
    await expect(blocks.get(one.cid, { signal })).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
  })

  test.each(['n', undefined] as const)(
    'a repeat that does not come again is at hand (repeats: %s)',
    async (dups) => {
      const { reader: blocks, fetched } = await reader([one, few], dups)
      for (const each of [one, one, few, one, few]) await blocks.get(each.cid, { signal })
      expect(await blocks.atEnd()).toBe(true)
      expect(fetched).toHaveLength(0)
    },
  )

  test.each(['y', undefined] as const)('a repeat that comes again is taken (repeats: %s)', async (dups) => {
    const { reader: blocks, fetched } = await reader([one, one, few, one], dups)
    for (const each of [one, one, few, one]) await blocks.get(each.cid, { signal })
    expect(await blocks.atEnd()).toBe(true)
    expect(fetched).toHaveLength(0)
  })

  test('a repeat that is no longer at hand is fetched', async () => {
    const big = Array.from({ length: 8 }, (_, index) => block(1024 * 1024, index + 100))
    const { reader: blocks, fetched } = await reader([one, ...big], 'n')
    for (const each of [one, ...big, one]) await blocks.get(each.cid, { signal })
    expect(fetched).toEqual([one.cid.toString()])
  })

  test('a block that never came is not fetched but missing', async () => {
    const { reader: blocks, fetched } = await reader([one, few], 'n')
    await blocks.get(one.cid, { signal })
    await expect(blocks.get(many.cid, { signal })).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
    expect(fetched).toHaveLength(0)
  })

  test('where repeats are promised, one that is missing is a lie', async () => {
    const { reader: blocks } = await reader([one, few], 'y')
    await blocks.get(one.cid, { signal })
    await expect(blocks.get(one.cid, { signal })).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
  })
})

test('a block that is remembered is a copy, since the memory it came in is used again', () => {
  const memory = new BlockMemory(1000)
  const { cid, bytes } = block(100)
  const lent = new Uint8Array(bytes)
  memory.add(cid, lent)
  lent.fill(0xdd)
  expect(Buffer.compare(memory.get(cid)!, bytes)).toBe(0)
})

test('a CAR that sends a block once gives it again after others came in the same memory', async () => {
  const [first, second] = [block(3000), block(3000, 9)]
  const bytes = Buffer.concat([
    carHeader([first.cid]),
    ...[first, second].map(({ cid, bytes }) => carSection(cid, bytes)),
  ])
  const car = new CarReader(inChunks(bytes, 1000), 'test')
  await car.readRoots()
  const fallback: BlockReader = { get: () => Promise.reject(new Error('asked again')) }
  const blocks = new CarBlockReader(car, { name: 'test', dups: 'n', fallback })
  for (const { cid, bytes } of [first, second, first]) {
    expect(Buffer.compare(await blocks.get(cid, { signal }), bytes)).toBe(0)
  }
})
