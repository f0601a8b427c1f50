import { createHash } from 'node:crypto'
import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { CarBlockReader } from '../../../src/content/car/car-block-reader.ts'
import { CarReader, type CarOrigin } from '../../../src/content/car/car-reader.ts'
import { carBytes } from '../../../src/content/car/car-writer.ts'
import { walkDag } from '../../../src/content/dag/walk.ts'
import { fileBytes, fileRoot } from '../../../src/content/unixfs/file.ts'
import { isFailure } from '../../../src/errors.ts'
import { carOf, carV2, varint } from '../../fixtures/car-bytes.ts'
import { memoryBlocks } from '../../fixtures/served-blocks.ts'
import { edits, changed, inPieces, mutated, pieceSizes } from '../inputs/bytes.ts'
import { build, DagBlocks, specs, type Spec } from '../inputs/dags.ts'
import { law } from '../law.ts'
import { pureTarget } from '../target.ts'
import { naiveFile } from '../unixfs-model.ts'
import { attemptLater, refused } from '../verdict.ts'

const { signal } = new AbortController()
const BROKEN = ['CONTENT_INVALID', 'CONTENT_UNAVAILABLE'] as const
const origin = fc.constantFrom<CarOrigin>('answer', 'file')

function carOfSpec(spec: Spec): Uint8Array {
  const blocks = new DagBlocks()
  const { cid } = build(spec, blocks)
  const all = [...blocks.all].map(([text, bytes]) => ({ cid: CID.parse(text), bytes }))
  return carOf([cid], all.reverse())
}

const cars = specs.map(carOfSpec)
const oddV2 = fc
  .tuple(
    cars,
    fc.record(
      { padding: fc.nat({ max: 20 }), offset: fc.nat({ max: 90 }), size: fc.nat({ max: 400 }) },
      { requiredKeys: [], noNullPrototype: true },
    ),
  )
  .map(([bytes, given]) => carV2(bytes, given))
/** Sections whose length is anything, around what may be a CID. */
const oddSections = fc
  .tuple(
    cars,
    fc.array(
      fc.tuple(
        fc.oneof(fc.nat({ max: 200 }), fc.constantFrom(2 ** 21, 2 ** 31, 2 ** 53 - 1)),
        fc.uint8Array({ maxLength: 80 }),
      ),
      { maxLength: 3 },
    ),
  )
  .map(([bytes, sections]) =>
    Buffer.concat([bytes, ...sections.flatMap(([length, rest]) => [varint(length), rest])]),
  )
const any = fc.oneof(mutated(cars), mutated(oddV2), oddSections, fc.uint8Array({ maxLength: 100 }))

/** CARs: as answers, as files, and as what a walk reads. */
export const carTarget = pureTarget('cars', 300, [
  law(
    'a CAR gives right blocks, the same however it is cut into pieces',
    fc.tuple(any, pieceSizes, origin),
    async ([bytes, sizes, from]) => {
      const one = await blocksIn([Uint8Array.from(bytes)], from)
      deepEqual(await blocksIn(inPieces(bytes, sizes), from), one)
    },
  ),
  law(
    'what is written as a CAR is read again',
    fc.tuple(specs, pieceSizes, fc.boolean()),
    async ([spec, sizes, v2]) => {
      const { blocks, cid } = made(spec)
      const sent = await attemptLater(
        () => written(blocks, cid, false),
        'CONTENT_NOT_FOUND',
        'CONTENT_UNAVAILABLE',
        'CONTENT_TOO_LARGE',
      )
      if (refused(sent)) return
      const read = await blocksIn(inPieces(v2 ? carV2(sent) : sent, sizes), 'file')
      equal(read.end, 'whole')
      ok(read.blocks.length > 0 || cid.multihash.code === 0)
    },
  ),
  law(
    'a file in a CAR is exactly that file, or an error',
    fc.tuple(specs, edits, pieceSizes, fc.boolean()),
    async ([spec, changes, sizes, dups]) => {
      const { blocks, cid } = made(spec)
      const sent = await attemptLater(
        () => written(blocks, cid, dups),
        'CONTENT_NOT_FOUND',
        'CONTENT_UNAVAILABLE',
        'CONTENT_TOO_LARGE',
      )
      if (refused(sent)) return
      const pieces = inPieces(changed(sent, changes), sizes)
      const read = await attemptLater(
        () => fileIn(pieces, cid, blocks, dups),
        'CONTENT_NOT_FOUND',
        'CONTENT_TOO_LARGE',
        ...BROKEN,
      )
      if (!refused(read)) equal(read.toString('hex'), Buffer.from(naiveFile(blocks.all, cid)).toString('hex'))
    },
  ),
])

async function blocksIn(
  pieces: readonly Uint8Array[],
  from: CarOrigin,
): Promise<{ roots: string[]; blocks: string[]; end: string }> {
  const car = new CarReader(sourceOf(pieces), 'it', from)
  const found = { roots: [] as string[], blocks: [] as string[], end: 'whole' }
  try {
    found.roots = (await car.readRoots()).map(String)
    for await (const { cid, bytes } of car.blocks()) {
      const hash = cid.multihash.code === 0x13 ? 'sha512' : 'sha256'
      const digest = cid.multihash.code === 0 ? Buffer.from(bytes) : createHash(hash).update(bytes).digest()
      equal(digest.toString('hex'), Buffer.from(cid.multihash.digest).toString('hex'))
      found.blocks.push(cid.toString())
    }
  } catch (error) {
    if (!isFailure(error, ...BROKEN)) throw error
    found.end = error.code
  }
  return found
}

async function written(blocks: DagBlocks, cid: CID, dups: boolean): Promise<Uint8Array> {
  const held = memoryBlocks(blocks.all).reader()
  const walk = walkDag(held, { path: [], cid }, { scope: 'entity', dups }, signal)
  const pieces: Uint8Array[] = []
  for await (const piece of carBytes([cid], walk)) pieces.push(Uint8Array.from(piece))
  return Uint8Array.from(Buffer.concat(pieces))
}

async function fileIn(
  pieces: readonly Uint8Array[],
  cid: CID,
  blocks: DagBlocks,
  dups: boolean,
): Promise<Buffer> {
  const car = new CarReader(sourceOf(pieces), 'it')
  await car.readRoots()
  const reader = new CarBlockReader(car, { name: 'it', dups: dups ? 'y' : 'n', fallback: blocks })
  const root = fileRoot(cid, await reader.get(cid, { signal }), 'it')
  const found: Uint8Array[] = []
  for await (const piece of fileBytes(
    reader,
    root,
    { start: 0, end: root.node.size },
    { signal, readAhead: 1 },
  )) {
    found.push(Uint8Array.from(piece))
  }
  return Buffer.concat(found)
}

function made(spec: Spec): { blocks: DagBlocks; cid: CID } {
  const blocks = new DagBlocks()
  return { blocks, cid: build(spec, blocks).cid }
}

function sourceOf(pieces: readonly Uint8Array[]): { read(): Promise<Uint8Array | undefined> } {
  const iterator = pieces.values()
  return { read: () => Promise.resolve(iterator.next().value) }
}
