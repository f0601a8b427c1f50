import { type FileHandle, open, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { BlobRecords } from '../../../src/cache/blob-records.ts'
import { CHUNK, ChunkSums } from '../../../src/cache/chunk-sums.ts'
import type { DiskBlobs } from '../../../src/cache/disk-blobs.ts'
import type { Digest } from '../../../src/reference/digest.ts'
import { BlobStore } from '../../fixtures/blob-store.ts'
import { patternBytes } from '../../fixtures/content-tree.ts'
import { damaged, sha256 } from '../../fixtures/controlled-blob.ts'

const { signal } = new AbortController()
const LARGE = patternBytes(5 * CHUNK + 33, 4)

let store: BlobStore

beforeEach(async () => {
  store = await BlobStore.create()
})

afterEach(async () => {
  expect(store.pool.out).toBe(0)
  await store.remove()
})

async function put(disk: DiskBlobs, bytes: Uint8Array, published = false): Promise<Digest> {
  const digest = sha256(bytes)
  const spool = await disk.createSpool()
  const sums = new ChunkSums()
  sums.update(bytes)
  await spool.append(bytes)
  const end = published ? disk.hold(digest) : () => undefined
  await disk.commit(spool, { digest, size: bytes.length, sums: sums.finish() })
  await spool.close()
  if (published) await disk.publish([digest])
  end()
  return digest
}

/** Files of blobs that this process has open, where the system tells. */
async function openBlobs(): Promise<string[]> {
  const descriptors = await readdir('/proc/self/fd').catch(() => [])
  const paths = await Promise.all(descriptors.map((one) => readlink(`/proc/self/fd/${one}`).catch(() => '')))
  return paths.filter((path) => path.startsWith(join(store.folder, 'blobs')))
}

async function get(disk: DiskBlobs, digest: Digest, start = 0, end = Infinity): Promise<Buffer> {
  const blob = await disk.open(digest)
  const pieces: Uint8Array[] = []
  if (blob === undefined) throw new Error('absent')
  for await (const piece of blob.read(start, Math.min(end, blob.size))) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

describe('DiskBlobs', () => {
  test('are still there after a start, and what was in the making is not', async () => {
    const digest = await put(await store.open(), LARGE)
    await writeFile(join(store.incoming, 'left'), 'over')
    const disk = await store.open()
    expect(await readdir(store.incoming)).toEqual([])
    expect(disk.cacheBytes).toBe(LARGE.length)
    expect((await get(disk, digest)).equals(LARGE)).toBe(true)
  })

  test.each([
    [0, 1],
    [CHUNK - 1, CHUNK + 1],
    [3 * CHUNK + 5, LARGE.length],
    [LARGE.length, LARGE.length],
  ])('give the bytes from %i to %i', async (start, end) => {
    const disk = await store.open()
    const digest = await put(disk, LARGE)
    expect((await get(disk, digest, start, end)).equals(LARGE.subarray(start, end))).toBe(true)
    expect(await openBlobs()).toEqual([])
  })

  test('may be left in the middle', async () => {
    const disk = await store.open()
    const digest = await put(disk, LARGE)
    const blob = await disk.open(digest)
    const pieces = blob?.read(0, LARGE.length)
    await pieces?.next()
    await pieces?.return(undefined)
    expect(store.pool.out).toBe(0)
    expect(await openBlobs()).toEqual([])
  })

  test('with a wrong byte are removed', async () => {
    const disk = await store.open()
    const digest = await put(disk, LARGE)
    await writeFile(store.pathOf(digest), damaged(LARGE, LARGE.length - 1))
    await expect(get(disk, digest)).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
    expect(disk.has(digest)).toBe(false)
    expect((await store.open()).has(digest)).toBe(false)
  })

  test('that were cut are removed', async () => {
    const disk = await store.open()
    const digest = await put(disk, LARGE)
    await writeFile(store.pathOf(digest), LARGE.subarray(0, CHUNK))
    await expect(get(disk, digest)).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
    expect(disk.has(digest)).toBe(false)
  })

  test.each([false, true])(
    'without their file count as absent, and can be put again (published: %s)',
    async (published) => {
      const before = await store.open()
      const digest = await put(before, LARGE, published)
      await rm(store.pathOf(digest))
      const disk = await store.open()
      await expect(get(disk, digest)).rejects.toMatchObject({ code: 'STORE_FAILED' })
      expect([disk.has(digest), disk.sizeOf(digest), disk.cacheBytes]).toEqual([false, undefined, 0])
      expect(await disk.open(digest)).toBeUndefined()
      await put(disk, LARGE)
      expect((await get(disk, digest)).equals(LARGE)).toBe(true)
      expect((await get(await store.open(), digest)).equals(LARGE)).toBe(true)
    },
  )

  test('of which nobody has read that the file is gone can be put again', async () => {
    const disk = await store.open()
    const digest = await put(disk, LARGE)
    await rm(store.pathOf(digest))
    await put(disk, LARGE)
    expect((await get(disk, digest)).equals(LARGE)).toBe(true)
    expect(disk.cacheBytes).toBe(LARGE.length)
    expect(await readdir(store.incoming)).toEqual([])
  })

  test('that can not be opened are not taken for gone', async () => {
    const disk = await store.open()
    const digest = await put(disk, LARGE)
    await rm(store.pathOf(digest))
    // A loop of links is an error of the file system that is not absence, also for root.
    await symlink(store.pathOf(digest), store.pathOf(digest))
    await expect(get(disk, digest)).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(disk.has(digest)).toBe(true)
  })

  test('put again cost nothing, and may become published by that', async () => {
    const disk = await store.open(LARGE.length)
    const digest = await put(disk, LARGE)
    await put(disk, LARGE)
    expect([disk.cacheBytes, disk.count, await readdir(store.incoming)]).toEqual([LARGE.length, 1, []])
    await put(disk, LARGE, true)
    expect([disk.cacheBytes, disk.count, await readdir(store.incoming)]).toEqual([0, 1, []])
    await put(disk, patternBytes(LARGE.length, 5))
    await put(await store.open(LARGE.length), patternBytes(LARGE.length, 6))
    expect((await store.open()).has(digest)).toBe(true)
  })

  test('that can not be put in place do not count', async () => {
    const disk = await store.open()
    const spool = await disk.createSpool()
    await spool.append(LARGE)
    await rm(store.incoming, { recursive: true })
    const digest = sha256(LARGE)
    const putting = disk.commit(spool, {
      digest,
      size: LARGE.length,
      sums: new Uint32Array(),
    })
    await expect(putting).rejects.toMatchObject({ code: 'ENOENT' })
    await spool.close()
    expect([disk.has(digest), disk.cacheBytes]).toEqual([false, 0])
    expect((await store.open()).has(digest)).toBe(false)
  })

  test('that are published stay, damaged as they are', async () => {
    const disk = await store.open()
    const digest = await put(disk, LARGE, true)
    await writeFile(store.pathOf(digest), damaged(LARGE, LARGE.length - 1))
    await expect(get(disk, digest)).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
    expect((await get(disk, digest, 0, CHUNK)).equals(LARGE.subarray(0, CHUNK))).toBe(true)
    expect((await store.open()).has(digest)).toBe(true)
  })

  test('without checksums count as absent', async () => {
    const before = await store.open()
    const digest = await put(before, LARGE)
    await store.table('sums').del(digest)
    const disk = await store.open()
    expect(await disk.open(digest)).toBeUndefined()
    expect([disk.has(digest), disk.cacheBytes]).toEqual([false, 0])
    expect((await store.open()).has(digest)).toBe(false)
  })

  test('are evicted after a restart in the order of their use before', async () => {
    let now = 1_800_000_000_000
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => (now += 1_000))
    const before = await store.open(300)
    const [first, second, third] = [
      await put(before, patternBytes(100, 1)),
      await put(before, patternBytes(100, 2)),
      await put(before, patternBytes(100, 3)),
    ]
    await get(before, first)
    await before.saveUse()
    const disk = await store.open(300)
    await put(disk, patternBytes(200, 4))
    expect(store.evicted).toEqual([second, third])
    expect(disk.has(first)).toBe(true)
    clock.mockRestore()
  })

  test('beyond the size are evicted, least recently used first, published ones never', async () => {
    const disk = await store.open(250)
    const published = await put(disk, patternBytes(200, 1), true)
    const first = await put(disk, patternBytes(100, 2))
    const second = await put(disk, patternBytes(100, 3))
    await get(disk, first)
    const third = await put(disk, patternBytes(100, 4))
    expect(store.evicted).toEqual([second])
    expect([published, first, second, third].map((one) => disk.has(one))).toEqual([true, true, false, true])
    expect(disk.cacheBytes).toBe(200)
    await put(disk, patternBytes(240, 5))
    expect(disk.has(published)).toBe(true)
  })

  test('that become published no longer count against the size', async () => {
    const disk = await store.open(150)
    const kept = await put(disk, patternBytes(100, 2))
    await disk.publish([kept])
    await put(disk, patternBytes(140, 3))
    expect(store.evicted).toEqual([])
    expect((await store.open(150)).cacheBytes).toBe(140)
  })

  test('that are held are not evicted, and are like others afterwards', async () => {
    const disk = await store.open(150)
    const bytes = patternBytes(100, 2)
    const ends = [disk.hold(sha256(bytes)), disk.hold(sha256(bytes))]
    const held = await put(disk, bytes)
    await put(disk, patternBytes(140, 3))
    expect(disk.has(held)).toBe(true)
    ends[0]?.()
    ends[0]?.()
    await put(disk, patternBytes(140, 4))
    expect(disk.has(held)).toBe(true)
    ends[1]?.()
    await put(disk, patternBytes(140, 5))
    expect(disk.has(held)).toBe(false)
  })

  test('are on the disk when they are published, and not before', async () => {
    const handle = await open(store.folder)
    const sync = jest.spyOn(Object.getPrototypeOf(handle) as FileHandle, 'sync')
    try {
      const disk = await store.open()
      const digests = [await put(disk, patternBytes(100, 2)), await put(disk, patternBytes(100, 3))]
      expect(sync).not.toHaveBeenCalled()
      await disk.publish(digests)
      // Each file, and the folder of each.
      expect(sync).toHaveBeenCalledTimes(4)
    } finally {
      sync.mockRestore()
      await handle.close()
    }
  })

  test('that are discarded are gone, published or not, but none that is held', async () => {
    const disk = await store.open()
    const digests = [await put(disk, patternBytes(100, 2), true), await put(disk, patternBytes(100, 3))]
    const held = await put(disk, patternBytes(100, 4), true)
    const end = disk.hold(held)
    for (const digest of digests) expect(await disk.discard(digest)).toBe(true)
    expect(await disk.discard(held)).toBe(false)
    expect(await disk.discard(sha256(LARGE))).toBe(false)
    expect(disk.published()).toEqual([{ digest: held, size: 100 }])
    expect([disk.cacheBytes, (await store.open()).count]).toEqual([0, 1])
    end()
  })

  test('that are put while they are removed are there afterwards', async () => {
    const disk = await store.open()
    const digest = await put(disk, LARGE)
    for (let round = 0; round < 20; round++) {
      await Promise.all([disk.remove(digest), put(disk, LARGE), disk.removeStrays(signal)])
      // In whichever order: what the store says that it has, it has.
      if (!disk.has(digest)) await put(disk, LARGE)
      expect((await get(disk, digest)).equals(LARGE)).toBe(true)
    }
  })

  test('whose use is noted while they are published stay published', async () => {
    const disk = await store.open()
    const digests: Digest[] = []
    for (let seed = 2; seed < 12; seed++) digests.push(await put(disk, patternBytes(100, seed)))
    for (const digest of digests) await get(disk, digest)
    await Promise.all([disk.saveUse(), disk.publish(digests), disk.saveUse(), disk.publish(digests)])
    expect((await store.open()).published()).toHaveLength(digests.length)
  })

  test('that can not be written down as published are not taken for it', async () => {
    const disk = await store.open()
    const digest = await put(disk, LARGE)
    const failing = jest.spyOn(BlobRecords.prototype, 'update').mockRejectedValueOnce(new Error('full'))
    await expect(disk.publish([digest])).rejects.toThrow('full')
    expect([disk.published(), disk.cacheBytes]).toEqual([[], LARGE.length])
    failing.mockRestore()
    await disk.publish([digest])
    expect((await store.open()).published()).toHaveLength(1)
  })

  test('files that nobody knows of are strays', async () => {
    const disk = await store.open()
    const digest = await put(disk, LARGE)
    const stray = store.pathOf(digest).replace(/.{8}$/, '00000000')
    await writeFile(stray, 'stray')
    await disk.removeStrays(signal)
    expect(await readdir(dirname(stray))).toHaveLength(1)
    expect((await get(disk, digest)).equals(LARGE)).toBe(true)
  })

  test('that are not here can not be published', async () => {
    const disk = await store.open()
    await expect(disk.publish([sha256(LARGE)])).rejects.toMatchObject({ code: 'STORE_FAILED' })
  })
})
