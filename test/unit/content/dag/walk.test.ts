import { expect, test } from '@jest/globals'
import * as dagCbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { type DagQuery, walkDag } from '../../../../src/content/dag/walk.ts'
import { memoryBlocks } from '../../../fixtures/served-blocks.ts'
import { HandMadeBlocks } from '../../../fixtures/unixfs-blocks.ts'

const WHOLE: DagQuery = { scope: 'all', dups: false }

async function walked(blocks: HandMadeBlocks, cid: CID, query: DagQuery, limit = 10_000): Promise<string[]> {
  const reader = memoryBlocks(blocks.all).reader()
  const cids: string[] = []
  for await (const block of walkDag(reader, { path: [], cid }, query, new AbortController().signal)) {
    cids.push(block.cid.toString())
    if (cids.length >= limit) break
  }
  return cids
}

/** A file of 2^levels leaves which are all the same. */
function doubling(blocks: HandMadeBlocks, levels: number): { cid: CID; size: number } {
  let cid = blocks.raw(Buffer.from('x'))
  let size = 1
  for (let level = 0; level < levels; level += 1) {
    cid = blocks.file([
      [cid, size],
      [cid, size],
    ])
    size *= 2
  }
  return { cid, size }
}

test('a part that is there over and over is walked once, however large the file claims to be', async () => {
  const blocks = new HandMadeBlocks()
  const { cid, size } = doubling(blocks, 45)
  expect(await walked(blocks, cid, WHOLE)).toHaveLength(46)
  expect(await walked(blocks, cid, { scope: 'entity', dups: false })).toHaveLength(46)
  // The ends of a range are looked into, everything between them is known.
  const range = () => ({ start: 1, end: size - 1 })
  expect(await walked(blocks, cid, { scope: 'entity', range, dups: false })).toHaveLength(46)
})

test('with repeats wanted they come as long as somebody reads', async () => {
  const blocks = new HandMadeBlocks()
  const { cid } = doubling(blocks, 40)
  expect(await walked(blocks, cid, { scope: 'all', dups: true }, 5000)).toHaveLength(5000)
})

test('a part met at the edge of a range comes with the rest of it when it is met again', async () => {
  const blocks = new HandMadeBlocks()
  const [a, b] = [blocks.raw(Buffer.from('aaaa')), blocks.raw(Buffer.from('bbbb'))]
  const inner = blocks.file([
    [a, 4],
    [b, 4],
  ])
  const root = blocks.file([
    [inner, 8],
    [inner, 8],
  ])
  const range = () => ({ start: 6, end: 16 })
  const cids = await walked(blocks, root, { scope: 'entity', range, dups: false })
  expect(cids).toEqual([root, inner, b, a].map(String))
})

test('a chain that is absurdly long is refused', async () => {
  const blocks = new HandMadeBlocks()
  let cid = blocks.raw(Buffer.from('end'))
  for (let depth = 0; depth < 1100; depth += 1) cid = blocks.put(0x71, dagCbor.encode({ next: cid }))
  await expect(walked(blocks, cid, WHOLE)).rejects.toMatchObject({ code: 'CONTENT_TOO_LARGE' })
})

test('blocks that are their own CID are left out, and what they link to is not', async () => {
  const blocks = new HandMadeBlocks()
  const leaf = blocks.raw(Buffer.from('leaf'))
  const own = CID.createV1(0x71, identity(dagCbor.encode([leaf])))
  const root = blocks.put(0x71, dagCbor.encode({ own }))
  expect(await walked(blocks, root, WHOLE)).toEqual([root, leaf].map(String))
  expect(await walked(blocks, own, WHOLE)).toEqual([leaf.toString()])
})

test('a block that is not held ends the walk', async () => {
  const blocks = new HandMadeBlocks()
  const absent = new HandMadeBlocks().raw(Buffer.from('absent'))
  const root = blocks.file([[absent, 6]])
  await expect(walked(blocks, root, WHOLE)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  expect(await walked(blocks, root, { scope: 'block', dups: false })).toEqual([root.toString()])
})

function identity(bytes: Uint8Array): CID['multihash'] {
  const decoded = CID.decode(Buffer.concat([Buffer.from([1, 0x71, 0, bytes.byteLength]), bytes]))
  return decoded.multihash
}
