import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { mkdtemp, rm } from 'node:fs/promises'
import type { ImporterOptions } from 'ipfs-unixfs-importer'
import { CID } from 'multiformats/cid'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent } from 'undici'
import { BlobCache } from '../../../src/cache/blob-cache.ts'
import { BufferPool } from '../../../src/cache/buffer-pool.ts'
import { DiskBlobs } from '../../../src/cache/disk-blobs.ts'
import { openMetadata, type Metadata } from '../../../src/cache/metadata.ts'
import type { HeldBlocks } from '../../../src/content/dag/held-blocks.ts'
import { heldBlocks } from '../../../src/content/embedded/held-blocks.ts'
import { RecentBlocks } from '../../../src/content/embedded/recent-blocks.ts'
import { failover } from '../../../src/content/failover.ts'
import { createGatewaySource } from '../../../src/content/gateway/source.ts'
import type { ByteRange, ContentSource } from '../../../src/content/source.ts'
import { createTrustedGatewaySource } from '../../../src/content/trusted-gateway/source.ts'
import { encodedOf, type Digest } from '../../../src/reference/digest.ts'
import { DAG_SHAPES, importTree, patternBytes, type ContentTree } from '../../fixtures/content-tree.ts'
import { nodeOf } from '../../fixtures/dag-walk.ts'
import { blocksOfFiles, missingBlocks } from '../../fixtures/held-blocks.ts'
import { digestOfBytes } from '../../fixtures/layouts.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../../fixtures/trustless-gateway.ts'

const { signal } = new AbortController()
const LAYER = patternBytes(3 * 1024 * 1024 + 77)
const CONFIG = patternBytes(500, 2)
const INDEX = patternBytes(2 * 1024 * 1024 + 5, 3)
const pathOf = (bytes: Uint8Array): string => `image/blobs/sha256/${encodedOf(digestOfBytes(bytes))}`
const FILES = { 'image/index.json': INDEX, [pathOf(LAYER)]: LAYER, [pathOf(CONFIG)]: CONFIG }
const ALL = Object.keys(FILES)

let folder: string
let metadata: Metadata
let dispatcher: Agent
let gateway: TrustlessGateway
let blobs: DiskBlobs
let recent: RecentBlocks
let cache: BlobCache
let content: ContentSource
let held: HeldBlocks
let failures: unknown[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recent-blocks-'))
  failures = []
  dispatcher = new Agent()
  gateway = await startTrustlessGateway()
  await start()
})

afterEach(async () => {
  cache.close()
  await recent.settled()
  await dispatcher.destroy()
  await gateway.close()
  await metadata.close()
  await rm(folder, { recursive: true, force: true })
  expect(failures).toEqual([])
})

async function start(limit = 64 * 1024 * 1024): Promise<void> {
  metadata = await openMetadata(join(folder, 'metadata'))
  const pool = new BufferPool({ large: 256 * 1024, small: 256 * 1024, limit: 16 * 1024 * 1024 })
  blobs = await DiskBlobs.open({ folder, metadata, cacheSize: 1024 ** 3, pool })
  recent = await RecentBlocks.open({ metadata, limit, onFailure: (error) => failures.push(error) })
  cache = new BlobCache({
    disk: blobs,
    pool,
    memorySize: 0,
    windowBytes: 4 * 1024 * 1024,
    maxFills: 10,
    lingerMs: 0,
    onStored: (file, blob) => recent.stored(file, blob),
  })
  content = createGatewaySource({ name: 'gateway', baseUrl: gateway.url, dispatcher, notes: recent })
  held = heldBlocks(blobs, [recent])
}

async function serve(shape: ImporterOptions): Promise<ContentTree> {
  const tree = await importTree(FILES, shape)
  gateway.add(tree)
  return tree
}

const at = (tree: ContentTree, path: string) => ({ root: tree.root, segments: path.split('/') })

async function readFile(tree: ContentTree, path: string): Promise<void> {
  const file = await content.open(at(tree, path), { signal })
  for await (const piece of file.body) expect(piece.byteLength).toBeGreaterThan(0)
}

async function readBlob(
  tree: ContentTree,
  bytes: Uint8Array,
  { digest = digestOfBytes(bytes), range }: { digest?: Digest; range?: ByteRange } = {},
): Promise<void> {
  const opened = await cache.open(digest, {
    fetch: (part, own) =>
      content.open(at(tree, pathOf(bytes)), { signal: own, ...(part === undefined ? {} : { range: part }) }),
    holder: 'one',
    expectedSize: bytes.byteLength,
    range,
    signal,
  })
  for await (const piece of opened.pieces) expect(piece.byteLength).toBeGreaterThan(0)
}

async function readAll(tree: ContentTree): Promise<void> {
  await readFile(tree, 'image/index.json')
  await readBlob(tree, LAYER)
  await readBlob(tree, CONFIG)
  await recent.settled()
}

const fileOf = (tree: ContentTree, bytes: Uint8Array) => recent.file(tree.cids.get(pathOf(bytes)) as CID)

/** Blocks that are mostly content. */
function leaves(tree: ContentTree, path: string): Map<string, Uint8Array> {
  const found = [...blocksOfFiles(tree, [path])].filter(([cid, bytes]) => {
    const { unixfs } = nodeOf(tree.blocks, CID.parse(cid))
    return unixfs === undefined || (unixfs.data?.byteLength ?? 0) * 2 >= bytes.byteLength
  })
  return new Map(found)
}

const SHARDED = { ...DAG_SHAPES['unixfs-v1-2025'], shardSplitThresholdBytes: 0, shardFanoutBits: 4 } as const

describe.each(Object.entries({ ...DAG_SHAPES, sharded: SHARDED }))('%s', (_, shape) => {
  test.each(['car', 'raw'])(
    'every block of what was read as %s is held, also after a restart',
    async (format) => {
      gateway.formats = new Set([format, 'raw'])
      const tree = await serve(shape)
      await readAll(tree)
      expect(await missingBlocks(held, blocksOfFiles(tree, ALL))).toEqual([])
      await metadata.close()
      await start()
      expect(await missingBlocks(held, blocksOfFiles(tree, ALL))).toEqual([])
      expect(await fileOf(tree, LAYER)).toEqual({ digest: digestOfBytes(LAYER), size: LAYER.byteLength })
    },
  )

  test('leaves are held for as long as their blob is, and again when it has come again', async () => {
    const tree = await serve(shape)
    await readAll(tree)
    await blobs.remove(digestOfBytes(LAYER))
    const missing = await missingBlocks(held, blocksOfFiles(tree, ALL))
    expect(missing.sort()).toEqual([...leaves(tree, pathOf(LAYER)).keys()].sort())
    expect(missing.length).toBeGreaterThan(2)
    await readBlob(tree, LAYER)
    await recent.settled()
    expect(await missingBlocks(held, blocksOfFiles(tree, ALL))).toEqual([])
  })
})

const V1 = DAG_SHAPES['unixfs-v1-2025']

test('of blobs no byte is written twice', async () => {
  let written = 0
  const notes = {
    block: (_: CID, bytes: Uint8Array) => void (written += bytes.byteLength),
    leaf: () => undefined,
  }
  content = createGatewaySource({ name: 'gateway', baseUrl: gateway.url, dispatcher, notes })
  const tree = await serve(DAG_SHAPES['dag-pb leaves'])
  await readBlob(tree, LAYER)
  await readBlob(tree, CONFIG)
  expect(written).toBeGreaterThan(100)
  expect(written).toBeLessThan(10_000)
})

test('a file that was read in part is not known, nor where its leaves are', async () => {
  const tree = await serve(V1)
  await readBlob(tree, LAYER, { range: { start: 1024 * 1024, end: 2 * 1024 * 1024 } })
  await readFile(tree, pathOf(LAYER))
  await recent.settled()
  expect(await fileOf(tree, LAYER)).toBeUndefined()
  const all = leaves(tree, pathOf(LAYER))
  expect(await missingBlocks(held, all)).toHaveLength(all.size)
})

test('a file that does not have the digest it is named by is not known', async () => {
  const tree = await serve(V1)
  const digest = digestOfBytes(CONFIG)
  await expect(readBlob(tree, LAYER, { digest })).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
  await recent.settled()
  expect(await fileOf(tree, LAYER)).toBeUndefined()
  const all = leaves(tree, pathOf(LAYER))
  expect(await missingBlocks(held, all)).toHaveLength(all.size)
})

test('wrong blocks are not noted', async () => {
  const tree = await serve(V1)
  gateway.faults = { flipBlock: 6 }
  await expect(readFile(tree, pathOf(LAYER))).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
  await recent.settled()
  // Root, image, blobs, sha256, the file and its first leaf were right.
  const reader = held.reader()
  const found = await Promise.all(
    [...tree.blocks.keys()].map((cid) => reader.find(CID.parse(cid), { signal })),
  )
  await reader.close()
  expect(found.filter((block) => block !== undefined)).toHaveLength(5)
})

test.each([
  ['first', 0],
  ['last', 1],
])('a file of which a source without proof gave the %s bytes is not known', async (_, place) => {
  const tree = await serve(V1)
  const other = await startTrustlessGateway(tree)
  const trusted = createTrustedGatewaySource({ name: 'trusted', baseUrl: other.url, dispatcher })
  const sources = place === 0 ? [trusted, content] : [content, trusted]
  const first = place === 0 ? other : gateway
  first.faults = { cutAfter: 1_500_000, cut: 'reset', times: 1 }
  content = failover(sources, { hedgeDelay: 60_000 })
  await readBlob(tree, LAYER)
  await recent.settled()
  expect([gateway.bytesSent(), other.bytesSent()].every((bytes) => bytes > 1_000_000)).toBe(true)
  expect(blobs.has(digestOfBytes(LAYER))).toBe(true)
  expect(await fileOf(tree, LAYER)).toBeUndefined()
  await other.close()
})

test('a file that came in two halves, both proved, is known', async () => {
  const tree = await serve(V1)
  const other = await startTrustlessGateway(tree)
  const options = { name: 'other', baseUrl: other.url, dispatcher, notes: recent }
  gateway.faults = { cutAfter: 1_500_000, cut: 'reset', times: 1 }
  content = failover([content, createGatewaySource(options)], { hedgeDelay: 60_000 })
  await readBlob(tree, LAYER)
  await recent.settled()
  expect(other.bytesSent()).toBeGreaterThan(1_000_000)
  expect(await missingBlocks(held, blocksOfFiles(tree, [pathOf(LAYER)]))).toEqual([])
  await other.close()
})

test('a leaf that several files share is held as long as one of them is', async () => {
  const shared = patternBytes(1024 * 1024, 9)
  const files = [1, 2].map((seed) => Buffer.concat([shared, patternBytes(1000, seed)]))
  const tree = await importTree(Object.fromEntries(files.map((bytes) => [pathOf(bytes), bytes])), V1)
  gateway.add(tree)
  for (const bytes of files) await readBlob(tree, bytes)
  await recent.settled()
  for (const [gone, left] of [files, [...files].reverse()]) {
    await blobs.remove(digestOfBytes(gone as Uint8Array))
    expect(await missingBlocks(held, blocksOfFiles(tree, [pathOf(left as Uint8Array)]))).toEqual([])
    await readBlob(tree, gone as Uint8Array)
  }
})

test('the bound holds: what was fetched last is held, what was fetched long ago is not', async () => {
  await metadata.close()
  await start(20_000)
  const trees: ContentTree[] = []
  for (let seed = 0; seed < 100; seed += 1) {
    const bytes = patternBytes(500, seed)
    const tree = await importTree({ [pathOf(bytes)]: bytes }, V1)
    trees.push(tree)
    gateway.add(tree)
    await readBlob(tree, bytes)
    await recent.settled()
  }
  const missing = await Promise.all(
    trees.map((tree) => missingBlocks(held, blocksOfFiles(tree, [...tree.files.keys()]))),
  )
  expect(missing.at(-1)).toEqual([])
  expect(missing.at(0)).not.toEqual([])
  expect(missing.filter(({ length }) => length === 0).length).toBeLessThan(60)
})

test('directories that are remembered are noted again when they are used', async () => {
  gateway.formats = new Set(['raw'])
  const tree = await serve(V1)
  await metadata.close()
  await start(20_000)
  await readBlob(tree, CONFIG)
  for (let round = 0; round < 4; round += 1) {
    for (let seed = 0; seed < 30; seed += 1) {
      const bytes = patternBytes(500, 1000 * (round + 1) + seed)
      const [cid] = (await importTree({ a: bytes }, V1)).blocks.keys()
      recent.block(CID.parse(cid as string), bytes)
    }
    await recent.settled()
  }
  expect(await missingBlocks(held, blocksOfFiles(tree, [pathOf(CONFIG)]))).not.toEqual([])
  await readFile(tree, pathOf(CONFIG))
  await recent.settled()
  const missing = await missingBlocks(held, blocksOfFiles(tree, [pathOf(CONFIG)]))
  expect(missing).toHaveLength(1)
})
