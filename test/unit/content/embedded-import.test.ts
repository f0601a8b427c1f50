import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import * as dagCbor from '@ipld/dag-cbor'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import * as Multihash from 'multiformats/hashes/digest'
import { BufferPool } from '../../../src/cache/buffer-pool.ts'
import { CHUNK, ChunkSums } from '../../../src/cache/chunk-sums.ts'
import { DiskBlobs } from '../../../src/cache/disk-blobs.ts'
import { openMetadata, type Metadata } from '../../../src/cache/metadata.ts'
import { CarReader } from '../../../src/content/car/car-reader.ts'
import { BlockTable } from '../../../src/content/embedded/block-table.ts'
import { heldBlocks } from '../../../src/content/embedded/held-blocks.ts'
import { createEmbeddedTarget } from '../../../src/content/embedded/target.ts'
import { createEmbeddedCarTarget } from '../../../src/content/embedded/import/import-car.ts'
import { createEmbeddedSource } from '../../../src/content/embedded/source.ts'
import type { ImportedCar } from '../../../src/import/importer.ts'
import type { Digest } from '../../../src/reference/digest.ts'
import { carHeader, carOf, carSection, carV2, type CarBlockBytes } from '../../fixtures/car-bytes.ts'
import { DAG_SHAPES, importTree, patternBytes, type ContentTree } from '../../fixtures/content-tree.ts'
import { digestOfBytes } from '../../fixtures/layouts.ts'
import { HandMadeBlocks } from '../../fixtures/unixfs-blocks.ts'

const { signal } = new AbortController()

let folder: string
let metadata: Metadata
let blobs: DiskBlobs
let table: BlockTable

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'embedded-import-'))
  await start()
})

afterEach(async () => {
  await metadata.close()
  await rm(folder, { recursive: true, force: true })
})

/** With a cache so small that nothing stays which is not published. */
async function start(): Promise<void> {
  metadata = await openMetadata(join(folder, 'metadata'))
  const pool = new BufferPool({ large: 2 * CHUNK, small: CHUNK, limit: 4_000_000 })
  blobs = await DiskBlobs.open({ folder, metadata, cacheSize: 1000, pool })
  table = new BlockTable(metadata)
}

async function restart(): Promise<void> {
  await metadata.close()
  await start()
}

interface ImportOptions {
  allowIncomplete?: boolean
  signal?: AbortSignal
}

function importBytes(car: Uint8Array, options: ImportOptions = {}): Promise<ImportedCar> {
  let at = 0
  const source = {
    read: async () => {
      const chunk = Uint8Array.from(car.subarray(at, at + 50_000))
      at += chunk.byteLength
      return chunk.byteLength === 0 ? undefined : chunk
    },
  }
  const target = createEmbeddedCarTarget({ blobs, table, held: heldBlocks(blobs, [table]) })
  return target.importCar(new CarReader(source, 'test.car', 'file'), {
    label: 'test.car',
    allowIncomplete: false,
    signal,
    ...options,
  })
}

/** As of a pull: something new wants room in the cache. */
async function pull(seed: number): Promise<void> {
  const bytes = patternBytes(900, seed)
  const spool = await blobs.createSpool()
  await spool.append(bytes)
  const sums = new ChunkSums()
  sums.update(bytes)
  await blobs.commit(spool, { digest: digestOfBytes(bytes), size: 900, sums: sums.finish() })
  await spool.close()
}

const blocksOf = (blocks: ReadonlyMap<string, Uint8Array>): CarBlockBytes[] =>
  [...blocks].map(([text, bytes]) => ({ cid: CID.parse(text), bytes }))

/** In an order that has nothing to do with the DAG, the same every time. */
function shuffled(blocks: readonly CarBlockBytes[]): CarBlockBytes[] {
  const keyOf = ({ cid }: CarBlockBytes): string => Buffer.from(cid.multihash.digest).toString('hex')
  return blocks.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

/** Every block comes out of the store as it went in. */
async function expectHeld(blocks: Iterable<CarBlockBytes>): Promise<void> {
  const held = heldBlocks(blobs, [table]).reader()
  for (const { cid, bytes } of blocks) {
    expect({ cid, same: Buffer.compare(await held.get(cid, { signal }), bytes) }).toEqual({ cid, same: 0 })
  }
  await held.close()
}

async function isHeld(cid: CID): Promise<boolean> {
  return (await table.places(cid)).some((place) => place.kind === 'inline' || blobs.has(place.digest))
}

async function pins(): Promise<string[]> {
  return metadata.sublevel('pin').keys().all()
}

/** The bytes under a path of the store. */
async function read(root: CID, ...segments: string[]): Promise<Buffer> {
  const file = await createEmbeddedSource({ blobs, table }).open({ root, segments }, { signal })
  const pieces: Uint8Array[] = []
  for await (const piece of file.body) pieces.push(Uint8Array.from(piece))
  return Buffer.concat(pieces)
}

/** Nothing is left of an import that failed. */
async function expectNothing(): Promise<void> {
  expect(await pins()).toEqual([])
  expect(await readdir(join(folder, 'incoming'))).toEqual([])
  await pull(999)
  expect(blobs.count).toBe(1)
}

const LARGE = patternBytes(900_000, 1)
const SINGLE = patternBytes(100_000, 2)
const ENTRIES = {
  'a/large': LARGE,
  'a/single': SINGLE,
  'a/small': patternBytes(5000, 3),
  empty: new Uint8Array(),
  'no/thing': null,
  link: 'a/small',
}

describe('a tree', () => {
  test.each(Object.entries(DAG_SHAPES))(
    'of shape %s is kept, whatever the order of its blocks',
    async (_, shape) => {
      const tree = await importTree(ENTRIES, shape)
      const blocks = blocksOf(tree.blocks)
      const twice = [...shuffled(blocks), ...blocks.slice(0, 5)]
      const { roots, unreachable, missing } = await importBytes(carOf([tree.root], twice))
      const bytes = blocks.reduce((sum, block) => sum + block.bytes.byteLength, 0)
      expect(roots).toEqual([{ root: tree.root.toString(), blocks: blocks.length, bytes }])
      expect([unreachable, missing]).toEqual([0, 0])
      await restart()
      await pull(7)
      await expectHeld(blocks)
      expect(await pins()).toEqual([tree.root.toV1().toString()])
      for (const [path, content] of tree.files) {
        expect((await read(tree.root, ...path.split('/'))).equals(content)).toBe(true)
      }
    },
  )

  test.each(Object.entries(DAG_SHAPES))(
    'of shape %s has its large files as blobs, each byte once',
    async (_, shape) => {
      const tree = await importTree(ENTRIES, shape)
      await importBytes(carOf([tree.root], blocksOf(tree.blocks)))
      expect(blobs.sizeOf(digestOfBytes(LARGE))).toBe(LARGE.byteLength)
      expect(blobs.sizeOf(digestOfBytes(SINGLE))).toBe(SINGLE.byteLength)
      expect(blobs.count).toBe(2)
      const inline = await metadata.sublevel('inline-block', { valueEncoding: 'view' }).values().all()
      const kept = inline.reduce((sum, bytes) => sum + (bytes as unknown as Uint8Array).byteLength, 0)
      expect(kept).toBeLessThan(20_000)
    },
  )

  test('is one that publish may make anew: its files are not taken for those', async () => {
    const tree = await importTree(ENTRIES)
    await importBytes(carOf([tree.root], blocksOf(tree.blocks)))
    expect(await table.fileOf(digestOfBytes(LARGE))).toBeUndefined()
    const cid = tree.cids.get('a/large')
    expect(await table.file(cid as CID)).toMatchObject({
      digest: digestOfBytes(LARGE),
      size: LARGE.byteLength,
    })
  })

  test('with a sharded directory', async () => {
    const entries = Object.fromEntries(
      Array.from({ length: 400 }, (_, index) => [`file-${index}`, patternBytes(50, index + 1)]),
    )
    const tree = await importTree(entries, { ...DAG_SHAPES['unixfs-v1-2025'], shardSplitThresholdBytes: 1 })
    const { roots } = await importBytes(carOf([tree.root], shuffled(blocksOf(tree.blocks))))
    expect(roots[0]?.blocks).toBe(tree.blocks.size)
    await restart()
    await expectHeld(blocksOf(tree.blocks))
    expect((await read(tree.root, 'file-333')).equals(patternBytes(50, 334))).toBe(true)
  })

  test('may come again', async () => {
    const tree = await importTree(ENTRIES)
    const car = carOf([tree.root], blocksOf(tree.blocks))
    const first = await importBytes(car)
    expect(await importBytes(car)).toEqual(first)
    expect(blobs.count).toBe(2)
    await expectHeld(blocksOf(tree.blocks))
  })

  test('in a CARv2, with an index that is of no interest', async () => {
    const tree = await importTree(ENTRIES)
    const car = carV2(carOf([tree.root], blocksOf(tree.blocks)), {
      padding: 77,
      index: Buffer.alloc(100_000, 1),
    })
    await importBytes(car)
    await expectHeld(blocksOf(tree.blocks))
  })
})

describe('what roots lead to', () => {
  test('counts once: for the first of them', async () => {
    const tree = await importTree(ENTRIES)
    const inner = tree.cids.get('a') as CID
    const { roots } = await importBytes(carOf([tree.root, inner, tree.root], blocksOf(tree.blocks)))
    expect(roots.map(({ root, blocks }) => [root, blocks])).toEqual([
      [tree.root.toString(), tree.blocks.size],
      [inner.toString(), 0],
    ])
    expect((await pins()).sort()).toEqual([tree.root.toString(), inner.toString()].sort())
  })

  test('is all that is kept', async () => {
    const [tree, other] = [await importTree(ENTRIES), await importTree({ x: patternBytes(300_000, 9) })]
    const car = carOf([tree.root], [...blocksOf(other.blocks), ...blocksOf(tree.blocks)])
    expect(await importBytes(car)).toMatchObject({ unreachable: other.blocks.size })
    for (const { cid } of blocksOf(other.blocks)) expect(await isHeld(cid)).toBe(false)
    expect(blobs.count).toBe(2)
  })

  test('may be dag-cbor and what stands in CIDs, with files below', async () => {
    const tree = await importTree(ENTRIES)
    const inline = CID.createV1(
      dagCbor.code,
      Multihash.create(0, dagCbor.encode([tree.cids.get('a/large') as CID])),
    )
    const made = new HandMadeBlocks()
    const root = made.put(dagCbor.code, dagCbor.encode({ here: [inline], there: tree.root }))
    const blocks = [...blocksOf(tree.blocks), { cid: root, bytes: made.bytesOf(root) }]
    expect(await importBytes(carOf([root], blocks))).toMatchObject({ roots: [{ blocks: blocks.length }] })
    await expectHeld(blocks)
    expect(blobs.has(digestOfBytes(LARGE))).toBe(true)
  })

  test('may be blocks of any codec, and large ones of raw bytes are blobs', async () => {
    const made = new HandMadeBlocks()
    const json = made.put(0x0200, Buffer.from('{"a":1}'))
    const raw = made.raw(SINGLE)
    const blocks = [json, raw].map((cid) => ({ cid, bytes: made.bytesOf(cid) }))
    await importBytes(carOf([json, raw], blocks))
    await expectHeld(blocks)
    expect(blobs.has(digestOfBytes(SINGLE))).toBe(true)
  })

  test('may be a part of one file and a file by itself', async () => {
    const made = new HandMadeBlocks()
    const [one, two] = [patternBytes(70_000, 1), patternBytes(70_000, 2)]
    const inner = made.file([one, two].map((each) => [made.raw(each), 70_000]))
    const outer = made.file([
      [inner, 140_000],
      [made.raw(SINGLE), SINGLE.byteLength],
    ])
    const root = made.directory([
      ['b', inner],
      ['a', outer],
    ])
    await importBytes(carOf([root], blocksOf(made.all)))
    await expectHeld(blocksOf(made.all))
    expect(blobs.has(digestOfBytes(Buffer.concat([one, two])))).toBe(true)
    expect(blobs.has(digestOfBytes(Buffer.concat([one, two, SINGLE])))).toBe(true)
    expect(blobs.count).toBe(2)
  })

  test('may be in the store already', async () => {
    const tree = await importTree({ 'a/large': LARGE, 'a/small': patternBytes(100) })
    await importBytes(carOf([tree.cids.get('a') as CID], blocksOf(tree.blocks)))
    const root = blocksOf(tree.blocks).filter(({ cid }) => cid.equals(tree.root))
    const imported = await importBytes(carOf([tree.root], root))
    expect(imported).toMatchObject({ roots: [{ blocks: tree.blocks.size }], missing: 0 })
    await expectHeld(blocksOf(tree.blocks))
    expect(blobs.count).toBe(1)
  })
})

test('what only the cache has of it becomes the store’s own', async () => {
  const tree = await importTree({ large: patternBytes(3_000_000) })
  const publishing = createEmbeddedTarget({ blobs, table })
  const open = async function* (): AsyncGenerator<Uint8Array> {
    yield patternBytes(3_000_000)
  }
  await publishing.addFile({ size: 3_000_000, digest: undefined, open }, { signal })
  publishing.release?.()
  const blocks = blocksOf(tree.blocks)
  const withoutLeaves = blocks.filter(({ cid }) => cid.code !== 0x55)
  await importBytes(carOf([tree.root], withoutLeaves))
  await restart()
  await pull(7)
  await expectHeld(blocks)
})

describe('a CAR that is incomplete', () => {
  async function lacking(path: string): Promise<{ tree: ContentTree; cid: CID; car: Uint8Array }> {
    const tree = await importTree(ENTRIES)
    const cid = tree.cids.get(path) as CID
    const car = carOf(
      [tree.root],
      blocksOf(tree.blocks).filter((block) => !block.cid.equals(cid)),
    )
    return { tree, cid, car }
  }

  test('is refused by the name of what it lacks, and nothing of it is kept', async () => {
    const { cid, car } = await lacking('a/small')
    await expect(importBytes(car)).rejects.toMatchObject({
      code: 'IMPORT_INVALID',
      message: expect.stringMatching(
        new RegExp(`^test.car is incomplete: block ${cid.toString()} is neither .*--allow-incomplete`),
      ),
    })
    await expectNothing()
  })

  test('lacks so and so many blocks', async () => {
    const tree = await importTree(ENTRIES)
    const car = carOf(
      [tree.root],
      blocksOf(tree.blocks).filter(({ cid }) => cid.code !== 0x55),
    )
    // Four leaves of three files with content, and the empty one.
    await expect(importBytes(car)).rejects.toThrow(/, and 3 others are not either\. /)
  })

  test('is kept as far as it goes, if that is wanted', async () => {
    const { tree, cid, car } = await lacking('a/small')
    const imported = await importBytes(car, { allowIncomplete: true })
    expect(imported).toMatchObject({ missing: 1, roots: [{ blocks: tree.blocks.size - 1 }] })
    await restart()
    expect(await isHeld(cid)).toBe(false)
    await expectHeld(blocksOf(tree.blocks).filter((block) => !block.cid.equals(cid)))
    expect(await pins()).toEqual([tree.root.toString()])
  })

  test('keeps the other leaves of a file that lacks one', async () => {
    const tree = await importTree({ large: LARGE }, DAG_SHAPES['256 KiB raw leaves'])
    const leaves = blocksOf(tree.blocks).filter(({ cid }) => cid.code === 0x55)
    const blocks = blocksOf(tree.blocks).filter(({ cid }) => !cid.equals(leaves[1]?.cid))
    await importBytes(carOf([tree.root], blocks), { allowIncomplete: true })
    await restart()
    await pull(7)
    await expectHeld(blocks)
    expect(blobs.has(digestOfBytes(LARGE))).toBe(false)
  })

  test('can be made whole', async () => {
    const { tree, cid, car } = await lacking('a/small')
    await importBytes(car, { allowIncomplete: true })
    const rest = blocksOf(tree.blocks).filter((block) => block.cid.equals(cid))
    expect(await importBytes(carOf([tree.root], rest))).toMatchObject({ missing: 0 })
    await expectHeld(blocksOf(tree.blocks))
  })

  test('is refused whatever is wanted where it has not even its root', async () => {
    const tree = await importTree(ENTRIES)
    const { root } = await importTree({ other: LARGE })
    const car = carOf([root], blocksOf(tree.blocks))
    await expect(importBytes(car, { allowIncomplete: true })).rejects.toMatchObject({
      code: 'IMPORT_INVALID',
    })
    await expectNothing()
  })
})

describe('refused, with nothing kept of it', () => {
  test.each([
    ['no root', []],
    ['an empty identity CID for a root', [CID.parse('bafkqaaa')]],
  ])('a CAR with %s', async (_, roots) => {
    const tree = await importTree(ENTRIES)
    await expect(importBytes(carOf(roots, blocksOf(tree.blocks)))).rejects.toMatchObject({
      code: 'IMPORT_INVALID',
      message: expect.stringContaining('ipfs dag export'),
    })
    await expectNothing()
  })

  test('one with a block that is not what its CID says, at its end', async () => {
    const tree = await importTree(ENTRIES)
    const blocks = blocksOf(tree.blocks)
    const wrong = { cid: blocks[0]?.cid as CID, bytes: patternBytes(100) }
    const car = carOf([tree.root], [...blocks, wrong])
    await expect(importBytes(car)).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
    await expectNothing()
  })

  test('one that is cut', async () => {
    const tree = await importTree(ENTRIES)
    const car = carOf([tree.root], blocksOf(tree.blocks))
    for (const length of [10, 70, 50_000, car.byteLength - 1]) {
      await expect(importBytes(car.subarray(0, length))).rejects.toMatchObject({
        code: 'CONTENT_UNAVAILABLE',
      })
    }
    await expectNothing()
  })

  test('one whose block has a hash that can not be checked', async () => {
    const blake2b = CID.createV1(0x55, Multihash.create(0xb220, patternBytes(32)))
    const car = Buffer.concat([carHeader([blake2b]), carSection(blake2b, patternBytes(10))])
    await expect(importBytes(car)).rejects.toThrow(/^test.car holds block .*0xb220\) can't be checked here/)
    await expectNothing()
  })

  test('one with dag-cbor that is none, unless what can not be read may be missing', async () => {
    const made = new HandMadeBlocks()
    const cid = made.put(dagCbor.code, Buffer.from([0x9f]))
    const car = carOf([cid], [{ cid, bytes: made.bytesOf(cid) }])
    await expect(importBytes(car)).rejects.toThrow(/is no sound dag-cbor/)
    await expectNothing()
    expect(await importBytes(car, { allowIncomplete: true })).toMatchObject({ roots: [{ blocks: 1 }] })
  })

  test('one that is broken off', async () => {
    const tree = await importTree(ENTRIES)
    const stopped = AbortSignal.abort(new Error('stopped'))
    await expect(importBytes(carOf([tree.root], blocksOf(tree.blocks)), { signal: stopped })).rejects.toThrow(
      'stopped',
    )
    await expectNothing()
  })
})

describe('kept as blocks', () => {
  test('a file that says the same block again and again', async () => {
    const made = new HandMadeBlocks()
    const leaf = made.raw(SINGLE)
    const root = made.file(Array.from({ length: 50 }, () => [leaf, SINGLE.byteLength]))
    const blocks = [leaf, root].map((cid) => ({ cid, bytes: made.bytesOf(cid) }))
    await importBytes(carOf([root], blocks))
    expect(blobs.count).toBe(0)
    await expectHeld(blocks)
    expect((await read(root)).byteLength).toBe(50 * SINGLE.byteLength)
  })

  test.each<[string, (made: HandMadeBlocks) => CID]>([
    ['whose sizes are wrong', (made) => made.file([[made.raw(SINGLE), 5]])],
    ['with a directory in it', (made) => made.file([[made.directory([['x', made.raw(SINGLE)]]), 100_000]])],
    ['that says nothing', (made) => made.node(Buffer.from([9, 9]), [['', made.raw(SINGLE), 1]])],
  ])('a file %s', async (_, make) => {
    const made = new HandMadeBlocks()
    const root = make(made)
    await importBytes(carOf([root], blocksOf(made.all)))
    expect(await table.file(root)).toBeUndefined()
    await restart()
    await pull(7)
    await expectHeld(blocksOf(made.all))
  })

  test('parts of a file that are empty, and nodes with content of their own', async () => {
    const made = new HandMadeBlocks()
    const empty = made.file([], { data: new Uint8Array() })
    const inner = made.file(
      [
        [made.raw(SINGLE), SINGLE.byteLength],
        [empty, 0],
      ],
      { data: Buffer.from('in front') },
    )
    const root = made.file([
      [inner, SINGLE.byteLength + 8],
      [inner, SINGLE.byteLength + 8],
    ])
    await importBytes(carOf([root], blocksOf(made.all)))
    await restart()
    await pull(7)
    await expectHeld(blocksOf(made.all))
    const whole = Buffer.concat([Buffer.from('in front'), SINGLE])
    const digest: Digest = digestOfBytes(Buffer.concat([whole, whole]))
    expect(blobs.has(digest)).toBe(true)
    expect((await read(root)).equals(Buffer.concat([whole, whole]))).toBe(true)
  })
})
