import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import { CarReader } from '../../../../src/content/car/car-reader.ts'
import { linksOf } from '../../../../src/content/dag/links.ts'
import { blockRecords } from '../../../../src/content/embedded/block-table.ts'
import { createEmbeddedCarTarget } from '../../../../src/content/embedded/import/import-car.ts'
import { heldBlocks } from '../../../../src/content/embedded/held-blocks.ts'
import { createEmbeddedTarget } from '../../../../src/content/embedded/target.ts'
import type { Digest } from '../../../../src/reference/digest.ts'
import { KeptContent } from '../../../../src/roots/embedded/kept-content.ts'
import { Marks } from '../../../../src/roots/embedded/marks.ts'
import { Sweep, type Swept } from '../../../../src/roots/embedded/sweep.ts'
import { verifyBlock } from '../../../../src/verify/block.ts'
import { carOf } from '../../../fixtures/car-bytes.ts'
import { DAG_SHAPES, importTree } from '../../../fixtures/content-tree.ts'
import { commitFiles, pushBlob, RootsFolder, type OpenedRoots } from '../../../fixtures/embedded-roots.ts'
import { missingBlocks } from '../../../fixtures/held-blocks.ts'
import { digestOfBytes } from '../../../fixtures/layouts.ts'
import { heldPart, partOf, seededBytes } from '../../../fixtures/upload-parts.ts'

const MiB = 1024 * 1024
const HOUR = 3_600_000
const { signal } = new AbortController()
const place = { root: 'home', repository: 'app' }

let folder: RootsFolder
let store: OpenedRoots
let clock: number

beforeEach(async () => {
  clock = 1_800_000_000_000
  folder = await RootsFolder.create()
  store = await folder.open({ history: 2, now: () => clock })
})

afterEach(() => folder.remove())

const restart = async (): Promise<void> => {
  store = await folder.open({ history: 2, now: () => clock })
}

const collect = (options: { dryRun?: boolean; keep?: CID[] } = {}): Promise<Swept> =>
  store.roots.collect({ dryRun: false, signal, ...options })

const push = (bytes: Uint8Array) => pushBlob(store.roots, place, bytes)

/** All staged blobs have timed out. */
async function timeOut(): Promise<void> {
  clock += 2 * HOUR
  await store.roots.sweep(signal)
}

/** Every block below a root is there with the right bytes, in every blob of it. */
async function expectWhole(root: CID): Promise<void> {
  const waiting = [root]
  const held = heldBlocks(store.blobs, [store.table])
  const reader = held.reader()
  try {
    for (let cid = waiting.pop(); cid !== undefined; cid = waiting.pop()) {
      const bytes = await reader.get(cid, { signal })
      verifyBlock(cid, bytes, 'the store', 'holds')
      waiting.push(...linksOf(cid, bytes))
    }
  } finally {
    await reader.close()
  }
}

async function importCar(car: Uint8Array): Promise<void> {
  const pieces = partOf(car).bytes[Symbol.asyncIterator]()
  const source = {
    read: async () => {
      const next = await pieces.next()
      return next.done === true ? undefined : Uint8Array.from(next.value)
    },
  }
  const target = createEmbeddedCarTarget({ ...store, held: heldBlocks(store.blobs, [store.table]) })
  await target.importCar(new CarReader(source, 'test.car', 'file'), {
    label: 'app',
    allowIncomplete: false,
    signal,
  })
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** Files of blobs on disk, and records of every kind. */
async function left(): Promise<Record<string, number>> {
  const records = blockRecords(store.metadata)
  const entries = Object.entries(records).map(async ([name, table]) => [
    name,
    (await table.keys().all()).length,
  ])
  const files = await readdir(join(folder.folder, 'blobs'), { recursive: true }).catch(() => [])
  const counts = Object.fromEntries((await Promise.all(entries)) as [string, number][])
  return { ...counts, blobs: files.filter((name) => /[0-9a-f]{64}$/.test(name)).length }
}

const NOTHING = { blocks: 0, leaves: 0, files: 0, cids: 0, blobs: 0 }

describe('collecting garbage', () => {
  test('keeps what kept versions and staged blobs reach, and removes all else', async () => {
    const old = await push(seededBytes('old', 2 * MiB + 1))
    await commitFiles(store.roots, 'home', { 'app/blobs/old': old, 'app/index.json': '1' })
    const layer = await push(seededBytes('layer', 3 * MiB))
    const second = await commitFiles(store.roots, 'home', { 'app/blobs/layer': layer, 'app/index.json': '2' })
    const third = await commitFiles(store.roots, 'home', { 'app/blobs/layer': layer, 'app/index.json': '3' })
    await timeOut()
    const staged = await push(seededBytes('staged', MiB + 1))
    const gone: Digest[] = []
    const swept = await store.roots.collect({
      dryRun: false,
      signal,
      onBlob: ({ digest }) => gone.push(digest),
    })
    expect(gone).toEqual([digestOfBytes(seededBytes('old', 2 * MiB + 1))])
    expect(swept).toMatchObject({ blobs: 1, blobBytes: 2 * MiB + 1 })
    // The first version: its index.json, its folders blobs, app and home, and the node over the leaves of its blob.
    expect(swept.blocks).toBe(5)
    await restart()
    for (const cid of [second.cid, third.cid, staged.cid]) await expectWhole(cid)
    expect(await store.table.file(old.cid)).toBeUndefined()
    expect((await left())['blobs']).toBe(2)
    expect(await collect()).toEqual({ blobs: 0, blobBytes: 0, blocks: 0, blockBytes: 0 })
  })

  test('removes everything where nothing is kept, and what it removed can be pushed again', async () => {
    const bytes = seededBytes('again', 2 * MiB)
    await push(bytes)
    await timeOut()
    await collect()
    expect(await left()).toEqual(NOTHING)
    await restart()
    expect(store.blobs.count).toBe(0)
    await expectWhole((await push(bytes)).cid)
  })

  test('only tells what would go', async () => {
    await push(seededBytes('kept', MiB + 1))
    const before = await left()
    await timeOut()
    const would = await collect({ dryRun: true })
    expect(would).toMatchObject({ blobs: 1, blobBytes: MiB + 1, blocks: 1 })
    expect(await left()).toEqual(before)
    expect(await collect()).toEqual(would)
  })

  test('keeps what is published until it is not, and roots that it is told of', async () => {
    const target = createEmbeddedTarget(store)
    const bytes = seededBytes('published', 2 * MiB)
    const file = await target.addFile(
      { size: bytes.length, digest: digestOfBytes(bytes), open: () => once(bytes) },
      { signal },
    )
    await target.pin(file.cid, { label: 'app', signal })
    target.release?.()
    await collect()
    await expectWhole(file.cid)
    await store.roots.unpublish(file.cid, signal)
    await expect(store.roots.unpublish(file.cid, signal)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    await collect({ keep: [file.cid] })
    await expectWhole(file.cid)
    await collect()
    expect(await left()).toEqual(NOTHING)
  })

  test.each(Object.entries(DAG_SHAPES))('keeps imported content of the shape %s', async (_, shape) => {
    const big = seededBytes('big', 3 * MiB + 5)
    // A folder with the same layer twice, once as a part of another file.
    const tree = await importTree(
      { 'a/big': big, 'a/other': Buffer.concat([big, big]), small: Buffer.from('x') },
      shape,
    )
    const blocks = [...tree.blocks].map(([cid, bytes]) => ({ cid: CID.parse(cid), bytes }))
    await importCar(carOf([tree.root], blocks))
    const before = await left()
    await collect()
    expect(await left()).toEqual(before)
    expect(await missingBlocks(heldBlocks(store.blobs, [store.table]), tree.blocks)).toEqual([])
    await store.roots.unpublish(tree.root, signal)
    await collect()
    expect(await left()).toEqual(NOTHING)
  })

  test('removes files that a crash has left', async () => {
    await push(seededBytes('kept', 100))
    const stray = digestOfBytes(Buffer.from('stray')).slice('sha256:'.length)
    const kept = digestOfBytes(seededBytes('kept', 100)).slice('sha256:'.length)
    await writeFile(
      join(folder.folder, 'blobs/sha256', kept.slice(0, 2), kept.slice(0, 2) + stray.slice(2)),
      'stray',
    )
    expect((await left())['blobs']).toBe(2)
    await collect()
    expect((await left())['blobs']).toBe(1)
  })

  test('waits for who publishes', async () => {
    const target = createEmbeddedTarget(store)
    const bytes = seededBytes('publishing', 2 * MiB)
    const file = { size: bytes.length, digest: digestOfBytes(bytes), open: () => once(bytes) }
    const { cid } = await target.addFile(file, { signal })
    const collecting = collect()
    await target.pin(cid, { label: 'app', signal })
    target.release?.()
    await collecting
    await expectWhole(cid)
  })

  test('leaves uploads alone that are under way, also of what it removes', async () => {
    const bytes = seededBytes('upload', 2 * MiB + 3)
    await push(bytes)
    await timeOut()
    const { id } = await store.roots.uploads.begin(place, signal)
    const { part, reached, release } = heldPart(bytes, MiB)
    const finishing = store.roots.uploads.finish(place, id, digestOfBytes(bytes), part, signal)
    await reached
    await collect()
    release()
    const { cid } = await finishing
    await restart()
    await expectWhole(cid)
    await collect()
    await expectWhole(cid)
  })

  test('spares what is kept between the look at it and its removal', async () => {
    const { cid } = await push(seededBytes('spared', 2 * MiB))
    const kept = new KeptContent(store)
    const marks = new Marks(kept, signal)
    const release = await kept.changes.take('shared', signal)
    const exclusive = kept.changes.exclusive.bind(kept.changes)
    const waiting = new Promise<void>((resolve) => {
      kept.changes.exclusive = (...step) => {
        resolve()
        return exclusive(...step)
      }
    })
    const sweeping = new Sweep(kept, marks, { dryRun: false, signal }).run()
    await waiting
    await marks.add(cid)
    release()
    expect(await sweeping).toEqual({ blobs: 0, blobBytes: 0, blocks: 0, blockBytes: 0 })
    expect(await store.table.file(cid)).toBeDefined()
    await expectWhole(cid)
  })

  test('goes on beside pushes, which lose nothing', async () => {
    // What is pushed has been garbage before, so that each removal is one of something that is just being kept.
    const layers = Array.from({ length: 8 }, (_, at) => seededBytes(`beside ${at}`, MiB + 1 + at))
    for (const [at, bytes] of layers.entries()) {
      const file = await push(bytes)
      await commitFiles(store.roots, 'other', { 'a/blob': file, 'a/index.json': `${at}` })
    }
    await timeOut()
    let pushing = true
    const collecting = (async () => {
      let rounds = 0
      for (; pushing; rounds++) {
        await collect()
        await timeOut()
      }
      return rounds
    })()
    const roots = ['a', 'b', 'c', 'd']
    const kept = await Promise.all(
      roots.map(async (root, turn) => {
        const files: Record<string, Awaited<ReturnType<typeof push>>> = {}
        for (const at of layers.keys()) {
          const bytes = layers[(at + 2 * turn) % layers.length] ?? Buffer.alloc(0)
          // A push whose blob times out before its manifest has to begin again, as a client does.
          for (;;) {
            files[`a/${at}`] = await push(bytes)
            try {
              await commitFiles(store.roots, root, files)
              break
            } catch (error) {
              expect(error).toMatchObject({ code: 'CONTENT_NOT_FOUND' })
            }
          }
        }
        return store.roots.versions.head(root, signal)
      }),
    )
    pushing = false
    expect(await collecting).toBeGreaterThan(0)
    await collect()
    await restart()
    for (const version of kept) {
      if (version === undefined) throw new Error('no version')
      await expectWhole(version.cid)
    }
  }, 60_000)

  test('is given up when something can not be read, with nothing removed', async () => {
    await push(seededBytes('kept', 2 * MiB))
    await timeOut()
    const before = await left()
    const { table } = store
    const staged = await push(seededBytes('staged', 100))
    const failing = jest.spyOn(table, 'file').mockRejectedValue(new Error('unreadable'))
    await expect(collect()).rejects.toThrow('unreadable')
    failing.mockRestore()
    expect((await left())['blobs']).toBe((before['blobs'] ?? 0) + 1)
    await expectWhole(staged.cid)
  })
})
