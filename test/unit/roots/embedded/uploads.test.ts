import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { ChunkSums } from '../../../../src/cache/chunk-sums.ts'
import { Spool } from '../../../../src/cache/spool.ts'
import { BlobThread } from '../../../../src/cache/blob-thread.ts'
import type { Digest } from '../../../../src/reference/digest.ts'
import type { EmbeddedRootsOptions } from '../../../../src/roots/embedded/embedded-roots.ts'
import { MAX_UPLOADS } from '../../../../src/roots/embedded/uploads.ts'
import { pushBlob, RootsFolder, type OpenedRoots } from '../../../fixtures/embedded-roots.ts'
import { digestOfBytes } from '../../../fixtures/layouts.ts'
import { heldPart, partOf, seededBytes } from '../../../fixtures/upload-parts.ts'

const MiB = 1024 * 1024
const MINUTE = 60_000
const { signal } = new AbortController()
const place = { root: 'home', repository: 'app' }

let folder: RootsFolder
let store: OpenedRoots
let clock: number

beforeEach(async () => {
  clock = 1_800_000_000_000
  folder = await RootsFolder.create()
  await restart()
})

afterEach(async () => {
  jest.restoreAllMocks()
  await folder.remove()
})

const restart = async (options: Partial<EmbeddedRootsOptions> = {}): Promise<void> => {
  store = await folder.open({ now: () => clock, ...options })
}
const begin = async (): Promise<string> => (await store.roots.uploads.begin(place, signal)).id
const append = (id: string, bytes: Uint8Array) => store.roots.uploads.append(place, id, partOf(bytes), signal)
const finish = (id: string, digest: Digest, bytes: Uint8Array) =>
  store.roots.uploads.finish(place, id, digest, partOf(bytes), signal)

/** As of a pull: something new wants room in the cache, which has next to none. */
async function pull(bytes: Uint8Array): Promise<void> {
  const spool = await store.blobs.createSpool()
  await spool.append(bytes)
  const sums = new ChunkSums()
  sums.update(bytes)
  await store.blobs.commit(spool, { digest: digestOfBytes(bytes), size: bytes.length, sums: sums.finish() })
  await spool.close()
}

describe('uploads to the embedded store', () => {
  test('are taken by a cache that is far too small for them, and stay', async () => {
    const blobs = Array.from({ length: 5 }, (_, at) => seededBytes(`stays ${at}`, MiB))
    for (const bytes of blobs) {
      await pushBlob(store.roots, place, bytes)
      await pull(seededBytes('pulled', 900))
    }
    await restart()
    await pull(seededBytes('pulled later', 999))
    for (const bytes of blobs) {
      expect(await store.roots.staged.find(place, digestOfBytes(bytes), signal)).toBeDefined()
      expect(store.blobs.sizeOf(digestOfBytes(bytes))).toBe(MiB)
    }
    expect(store.blobs.cacheBytes).toBeLessThanOrEqual(1000)
  })

  test('make a blob that was only cached one that stays, without writing it again', async () => {
    const bytes = seededBytes('cached', 900)
    await pull(bytes)
    expect(store.blobs.cacheBytes).toBe(900)
    await pushBlob(store.roots, place, bytes)
    expect([store.blobs.cacheBytes, store.blobs.count, await folder.incoming()]).toEqual([0, 1, []])
    await pull(seededBytes('pulled', 999))
    expect(store.blobs.has(digestOfBytes(bytes))).toBe(true)
  })

  test('whose digest comes with all the bytes are hashed by its algorithm on the way', async () => {
    const reread = jest.spyOn(Spool.prototype, 'read')
    const bytes = seededBytes('at once', 3 * MiB)
    await finish(await begin(), digestOfBytes(bytes, 'sha512'), bytes)
    const empty = Buffer.alloc(0)
    await store.roots.uploads.finish(place, await begin(), digestOfBytes(empty, 'sha512'), undefined, signal)
    expect(reread).not.toHaveBeenCalled()
    const id = await begin()
    await append(id, bytes.subarray(0, MiB))
    await finish(id, digestOfBytes(bytes, 'sha512'), bytes.subarray(MiB))
    expect(reread).toHaveBeenCalled()
  })

  test('leave no file however they end', async () => {
    const bytes = seededBytes('ends', MiB)
    const ids = [await begin(), await begin(), await begin(), await begin(), await begin()]
    for (const id of ids) await append(id, bytes)
    expect(await folder.incoming()).toHaveLength(5)
    const [cancelled = '', wrong = '', right = '', idle = '', leftOver = ''] = ids
    await store.roots.uploads.cancel(place, cancelled, signal)
    await expect(finish(wrong, digestOfBytes(bytes), bytes)).rejects.toMatchObject({ code: 'DIGEST_INVALID' })
    await finish(right, digestOfBytes(bytes), Buffer.alloc(0))
    clock += 59 * MINUTE
    await append(leftOver, bytes)
    clock += 2 * MINUTE
    await store.roots.sweep(signal)
    await expect(append(idle, bytes)).rejects.toMatchObject({ code: 'UPLOAD_UNKNOWN' })
    expect(await folder.incoming()).toHaveLength(1)
    await restart()
    expect(await folder.incoming()).toEqual([])
  })

  test('that are cancelled while they are written end, and leave nothing', async () => {
    const bytes = seededBytes('cancelled', 2 * MiB)
    const id = await begin()
    const { part, reached, release } = heldPart(bytes, MiB)
    const appending = store.roots.uploads.append(place, id, part, signal)
    await reached
    clock += 120 * MINUTE
    await store.roots.sweep(signal)
    expect((await store.roots.uploads.status(place, id, signal)).size).toBeGreaterThan(0)
    await store.roots.uploads.cancel(place, id, signal)
    release()
    await expect(appending).rejects.toMatchObject({ code: 'UPLOAD_UNKNOWN' })
    expect(await folder.incoming()).toEqual([])
  })

  test('beyond the limit are refused, until one has been idle for long', async () => {
    await restart({ maxUploads: 2 })
    const [first, second] = [await begin(), await begin()]
    await expect(begin()).rejects.toMatchObject({ code: 'OVERLOADED' })
    clock += 4 * MINUTE
    await append(first, Buffer.from('x'))
    await expect(begin()).rejects.toMatchObject({ code: 'OVERLOADED' })
    clock += 2 * MINUTE
    await begin()
    await expect(append(second, Buffer.from('x'))).rejects.toMatchObject({ code: 'UPLOAD_UNKNOWN' })
    expect(await append(first, Buffer.from('x'))).toEqual({ id: first, size: 2 })
    expect(MAX_UPLOADS).toBeLessThanOrEqual(1024)
  })

  test.each(['writev', 'datasync'] as const)(
    'that the disk has no room for end with a word to a person, and leave nothing (%s)',
    async (call) => {
      const kept = seededBytes('kept', MiB)
      await pushBlob(store.roots, place, kept)
      const handle = await open(folder.folder)
      const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      const failing = jest
        .spyOn(Object.getPrototypeOf(handle) as Record<typeof call, () => Promise<void>>, call)
        .mockRejectedValue(full)
      await handle.close()
      const bytes = seededBytes('too much', 2 * MiB)
      const id = await begin()
      const finishing = finish(id, digestOfBytes(bytes), bytes)
      await expect(finishing).rejects.toMatchObject({ code: 'STORE_FAILED', message: /disk is full/ })
      await expect(append(id, bytes)).rejects.toMatchObject({ code: 'UPLOAD_UNKNOWN' })
      expect(await folder.incoming()).toEqual([])
      expect(await store.roots.staged.find(place, digestOfBytes(bytes), signal)).toBeUndefined()
      expect(await store.roots.staged.find(place, digestOfBytes(kept), signal)).toBeDefined()
      failing.mockRestore()
      await pushBlob(store.roots, place, bytes)
    },
  )

  test('hold little of fifty large blobs that come at once', async () => {
    const size = 8 * MiB
    const part = seededBytes('fifty', MiB)
    const incoming = join(folder.folder, 'incoming')
    const onDisk = (): number =>
      readdirSync(incoming).reduce((sum, name) => sum + statSync(join(incoming, name)).size, 0)
    let taken = 0
    let most = 0
    const appending = Array.from({ length: 50 }, async (_, at) => {
      const hash = createHash('sha256')
      async function* bytes(): AsyncGenerator<Uint8Array> {
        const piece = Buffer.from(part)
        piece[0] = at
        for (let sent = 0; sent < size; sent += piece.length) {
          hash.update(piece)
          taken += piece.length
          yield piece
          most = Math.max(most, taken - onDisk())
        }
      }
      const id = await begin()
      await store.roots.uploads.append(place, id, { start: 0, length: size, bytes: bytes() }, signal)
      return { id, digest: `sha256:${hash.digest('hex')}` as const }
    })
    const finishing = (await Promise.all(appending)).map(({ id, digest }) =>
      store.roots.uploads.finish(place, id, digest, undefined, signal),
    )
    expect(new Set((await Promise.all(finishing)).map(({ cid }) => cid.toString())).size).toBe(50)
    // Of each upload the piece that was just given, and two buffers of 256 KiB.
    expect(most).toBeLessThanOrEqual(50 * (part.length + MiB / 2))
  })

  test('are not found staged when their file has been taken away, so that the client brings it again', async () => {
    const bytes = seededBytes('taken away', MiB)
    await pushBlob(store.roots, place, bytes)
    await store.blobs.discard(digestOfBytes(bytes))
    expect(await store.roots.staged.find(place, digestOfBytes(bytes), signal)).toBeUndefined()
    await pushBlob(store.roots, place, bytes)
    expect(await store.roots.staged.find(place, digestOfBytes(bytes), signal)).toBeDefined()
  })

  test('that are asked for stay staged for the time of an upload from then on', async () => {
    const bytes = seededBytes('asked for', 100)
    await pushBlob(store.roots, place, bytes)
    for (let round = 0; round < 4; round++) {
      clock += 45 * MINUTE
      await store.roots.sweep(signal)
      expect(await store.roots.staged.find(place, digestOfBytes(bytes), signal)).toBeDefined()
    }
    clock += 61 * MINUTE
    await store.roots.sweep(signal)
    expect(await store.roots.staged.find(place, digestOfBytes(bytes), signal)).toBeUndefined()
  })
})

describe('uploads that another thread hashes', () => {
  const threads: BlobThread[] = []

  async function hashedBy(thread: BlobThread): Promise<BlobThread> {
    threads.push(thread)
    await thread.start()
    await restart({ openSums: thread.open })
    return thread
  }

  afterEach(async () => {
    await Promise.all(threads.splice(0).map((one) => one.close()))
  })

  test('are the same files, whether their length is said or not, in one part or in several', async () => {
    const bytes = seededBytes('hashed elsewhere', 9 * MiB + 5)
    const digest = digestOfBytes(bytes)
    const here = await finish(await begin(), digest, bytes)
    await restart()
    await hashedBy(new BlobThread())
    for (const cuts of [[0], [0, 6 * MiB], [0, 700_000, 5 * MiB + 3]]) {
      const id = await begin()
      for (const [index, start] of cuts.entries()) {
        const part = bytes.subarray(start, cuts[index + 1] ?? bytes.length)
        const length = index === 0 ? undefined : part.length
        await store.roots.uploads.append(place, id, { ...partOf(part), length }, signal)
      }
      const file = await store.roots.uploads.finish(place, id, digest, undefined, signal)
      expect([file.cid.toString(), file.dagSize]).toEqual([here.cid.toString(), here.dagSize])
    }
  })

  test('are refused where their bytes are others', async () => {
    await hashedBy(new BlobThread())
    const bytes = seededBytes('claimed', 5 * MiB)
    const damaged = Buffer.from(bytes)
    damaged[3 * MiB] = (damaged[3 * MiB] ?? 0) ^ 1
    await expect(finish(await begin(), digestOfBytes(bytes), damaged)).rejects.toMatchObject({
      code: 'DIGEST_INVALID',
    })
    expect(await folder.incoming()).toEqual([])
  })

  test('end when that thread does, and are taken when they come again', async () => {
    const dies = `import { parentPort } from 'node:worker_threads'
      parentPort.on('message', ({ piece }) => { if (piece) throw new Error('out of luck') })`
    await hashedBy(new BlobThread(new URL(`data:text/javascript,${encodeURIComponent(dies)}`)))
    const bytes = seededBytes('comes again', 5 * MiB)
    const id = await begin()
    await expect(append(id, bytes)).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await expect(store.roots.uploads.status(place, id, signal)).rejects.toMatchObject({
      code: 'UPLOAD_UNKNOWN',
    })
    expect(await folder.incoming()).toEqual([])
    await finish(await begin(), digestOfBytes(bytes), bytes)
    expect(store.blobs.sizeOf(digestOfBytes(bytes))).toBe(bytes.length)
  })
})
