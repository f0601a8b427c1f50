import { createHash } from 'node:crypto'
import { mkdtemp, open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { BlobCache } from '../../../src/cache/blob-cache.ts'
import { ChunkSums } from '../../../src/cache/chunk-sums.ts'
import type { StreamSums } from '../../../src/cache/stream-sums.ts'
import { BlobThread } from '../../../src/cache/blob-thread.ts'
import { BlobStore, until } from '../../fixtures/blob-store.ts'
import { patternBytes } from '../../fixtures/content-tree.ts'
import { ControlledBlob, damaged } from '../../fixtures/controlled-blob.ts'

const MIB = 1024 * 1024
const LARGE = patternBytes(5 * MIB + 77, 3)
const GONE = new Error('the client is gone')

/** A thread that runs this instead. */
function threadOf(script: string): BlobThread {
  return new BlobThread(new URL(`data:text/javascript,${encodeURIComponent(script)}`))
}

const MUTE = 'setInterval(() => undefined, 1e6)'
const CRASHES = `import { parentPort } from 'node:worker_threads'
  parentPort.on('message', ({ piece }) => { if (piece) throw new Error('out of luck') })`

let threads: BlobThread[]

async function thread(made = new BlobThread()): Promise<BlobThread> {
  threads.push(made)
  await made.start()
  return made
}

beforeEach(() => {
  threads = []
})

afterEach(async () => {
  await Promise.all(threads.map((one) => one.close()))
})

/** `bytes` in pieces of `length`, in shared memory or not. */
function* cut(bytes: Uint8Array, length: number, shared: boolean): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += length) {
    const part = bytes.subarray(offset, offset + length)
    const piece = new Uint8Array(shared ? new SharedArrayBuffer(part.length) : new ArrayBuffer(part.length))
    piece.set(part)
    yield piece
  }
}

async function summed(sums: StreamSums, pieces: Iterable<Uint8Array>): Promise<[string, Uint32Array]> {
  await Promise.all([...pieces].map((piece) => sums.update(piece)))
  return [await sums.digest(), sums.chunks.finish()]
}

function expected(algorithm: string, bytes: Uint8Array): [string, Uint32Array] {
  const sums = new ChunkSums()
  sums.update(bytes)
  return [createHash(algorithm).update(bytes).digest('hex'), sums.finish()]
}

describe('digest and checksums of a stream', () => {
  test.each([
    ['sha256', 512 * 1024, true],
    ['sha256', 100_003, true],
    ['sha512', 512 * 1024, false],
    ['sha512', MIB + 1, false],
  ] as const)('are right: %s, in pieces of %d bytes, shared: %s', async (algorithm, length, shared) => {
    const sums = (await thread()).open(algorithm, LARGE.length)
    expect(await summed(sums, cut(LARGE, length, shared))).toEqual(expected(algorithm, LARGE))
  })

  test('are right where it ends with a chunk, and where it has no bytes', async () => {
    const { open } = await thread()
    const whole = LARGE.subarray(0, 4 * MIB)
    expect(await summed(open('sha256', 4 * MIB), cut(whole, MIB, true))).toEqual(expected('sha256', whole))
    expect(await summed(open('sha256', 4 * MIB), [])).toEqual(expected('sha256', new Uint8Array()))
  })

  test('are those of each where many come at once', async () => {
    const { open } = await thread()
    const all = Array.from({ length: 20 }, (_, index) => patternBytes(300_000 + index, index))
    const results = await Promise.all(
      all.map((bytes) => summed(open('sha256', LARGE.length), cut(bytes, 70_000, true))),
    )
    expect(results).toEqual(all.map((bytes) => expected('sha256', bytes)))
  })

  test('are known of a piece when it has been taken', async () => {
    const sums = (await thread()).open('sha256', LARGE.length)
    await sums.update(LARGE.subarray(0, 600_000))
    expect(sums.chunks.complete).toBe(2)
    sums.close()
  })
})

describe('hashes of the parts of a stream', () => {
  const SIZE = MIB

  function expectedParts(bytes: Uint8Array): [string, number][] {
    return Array.from({ length: Math.ceil(bytes.length / SIZE) }, (_, index) => {
      const part = bytes.subarray(index * SIZE, (index + 1) * SIZE)
      return [createHash('sha256').update(part).digest('hex'), part.length]
    })
  }

  test.each([
    ['in the thread', LARGE.length, 512 * 1024, true],
    ['in the thread', LARGE.length, 700_001, true],
    ['in the thread', 4 * MIB, 3 * MIB, false],
    ['here', MIB - 1, 100_003, true],
    ['here', 2 * MIB, 3 * MIB, false],
    ['nowhere, of none', 0, 1, false],
  ] as const)('are right: %s, %d bytes in pieces of %d, shared: %s', async (_, size, length, shared) => {
    const bytes = LARGE.subarray(0, size)
    const parts: [string, number][] = []
    const onPart = (hash: Uint8Array, bytesIn: number): void =>
      void parts.push([Buffer.from(hash).toString('hex'), bytesIn])
    const sums = (await thread()).open('sha512', size, { size: SIZE, onPart })
    expect(await summed(sums, cut(bytes, length, shared))).toEqual(expected('sha512', bytes))
    expect(parts).toEqual(expectedParts(bytes))
  })
})

describe('a stream', () => {
  test('that is not large is not given to the thread', async () => {
    const { open } = await thread(threadOf(CRASHES))
    const small = LARGE.subarray(0, MIB)
    expect(await summed(open('sha256', MIB), [small])).toEqual(expected('sha256', small))
  })

  test('that is closed waits for nothing, and does not touch the others', async () => {
    const { open } = await thread()
    const [left, other] = [open('sha256', LARGE.length), open('sha256', LARGE.length)]
    const waiting = left.update(LARGE)
    const others = summed(other, cut(LARGE, MIB, true))
    left.close()
    await expect(waiting).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    await expect(left.update(LARGE)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    expect(await others).toEqual(expected('sha256', LARGE))
  })
})

describe('what is written', () => {
  const SHARED = Buffer.from(new SharedArrayBuffer(LARGE.length))
  SHARED.set(LARGE)
  let folder: string
  let file: FileHandle

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'blob-thread-'))
    file = await open(join(folder, 'file'), 'wx+')
  })

  afterEach(async () => {
    await file.close().catch(() => undefined)
    await rm(folder, { recursive: true })
  })

  test('is in the file, where it belongs', async () => {
    const { write } = await thread()
    const cuts = [0, 5, 2 * MIB + 3, LARGE.length]
    const writes = cuts.slice(1).map(async (end, index) => {
      const at = cuts[index] ?? 0
      await write(file.fd, SHARED.subarray(at, end), at)
    })
    await Promise.all(writes)
    expect((await readFile(join(folder, 'file'))).equals(LARGE)).toBe(true)
  })

  test('and can not be fails with the code of the file system, and the next goes well', async () => {
    const { write } = await thread()
    const readOnly = await open(join(folder, 'file'), 'r')
    await expect(write(readOnly.fd, SHARED, 0)).rejects.toMatchObject({ code: 'EBADF' })
    await readOnly.close()
    await write(file.fd, SHARED.subarray(0, 7), 0)
    expect((await readFile(join(folder, 'file'))).equals(LARGE.subarray(0, 7))).toBe(true)
  })

  test('is not touched any more when a thread that is closed has failed it', async () => {
    const made = await thread()
    const writing = made.write(file.fd, SHARED, 0)?.catch((error: unknown) => error)
    await made.close()
    await writing
    await file.truncate(0)
    for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect((await file.stat()).size).toBe(0)
    expect(made.write(file.fd, SHARED, 0)).toBeUndefined()
  })
})

describe('a thread', () => {
  test.each([
    ['crashes', threadOf(CRASHES)],
    ['ends', threadOf('')],
    ['is not there', new BlobThread(new URL('./no-such-worker.mjs', import.meta.url))],
  ])('that %s fails what it was at, and is done without from then on', async (_, made) => {
    const { open } = await thread(made)
    const sums = open('sha256', LARGE.length)
    await expect(sums.update(LARGE)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    await expect(sums.digest()).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    sums.close()
    expect(await summed(open('sha256', LARGE.length), [LARGE])).toEqual(expected('sha256', LARGE))
    expect(made.write(0, LARGE, 0)).toBeUndefined()
  })

  test('that is closed while it is at something ends that', async () => {
    const made = await thread(threadOf(MUTE))
    const waiting = [made.open('sha256', LARGE.length).update(LARGE), made.write(0, LARGE, 0)]
    const failed = waiting.map((one) => expect(one).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' }))
    await made.close()
    await Promise.all(failed)
  })
})

describe('a blob that is fetched', () => {
  let store: BlobStore
  let caches: BlobCache[]

  beforeEach(async () => {
    store = await BlobStore.create()
    caches = []
  })

  afterEach(async () => {
    for (const cache of caches) cache.close()
    await until(async () => (await readdir(store.incoming)).length === 0)
    // Every buffer that was lent has come back.
    await until(() => store.pool.out === 0)
    await store.remove()
  })

  async function cacheWith(made: BlobThread, onDisk = true, write = made.write): Promise<BlobCache> {
    const disk = await store.open(undefined, write)
    const cache = new BlobCache({
      disk: onDisk ? disk : undefined,
      pool: store.pool,
      openSums: (await thread(made)).open,
      memorySize: MIB,
      windowBytes: MIB,
      maxFills: 10,
      lingerMs: 600_000,
    })
    caches.push(cache)
    return cache
  }

  async function read(cache: BlobCache, blob: ControlledBlob, signal = new AbortController().signal) {
    const { digest, fetch } = blob
    const want = { fetch, holder: 'one', expectedSize: undefined, range: undefined, signal }
    const pieces: Uint8Array[] = []
    let error: unknown
    try {
      for await (const piece of (await cache.open(digest, want)).pieces) pieces.push(Buffer.from(piece))
    } catch (reason) {
      error = reason
    }
    return { bytes: Buffer.concat(pieces), error }
  }

  test.each([true, false])('comes as it is, to all who want it; kept on disk: %s', async (onDisk) => {
    const cache = await cacheWith(new BlobThread(), onDisk)
    const blob = new ControlledBlob(LARGE)
    const results = await Promise.all(Array.from({ length: 20 }, () => read(cache, blob)))
    for (const { bytes, error } of results) {
      expect(error).toBeUndefined()
      expect(bytes.equals(LARGE)).toBe(true)
    }
    if (onDisk) expect((await read(cache, new ControlledBlob(LARGE))).bytes.equals(LARGE)).toBe(true)
  })

  test.each([0, 3 * MIB, LARGE.length - 1])('is not given whole when byte %d is wrong', async (at) => {
    const cache = await cacheWith(new BlobThread())
    const blob = new ControlledBlob(LARGE)
    blob.answers = Array.from({ length: 3 }, () => damaged(LARGE, at))
    const { bytes, error } = await read(cache, blob)
    expect(error).toMatchObject({ code: 'CONTENT_INVALID' })
    expect(bytes.length).toBeLessThan(LARGE.length)
    expect(cache.sizeOf(blob.digest)).toBeUndefined()
  })

  test('goes on where it was left', async () => {
    const cache = await cacheWith(new BlobThread())
    const blob = new ControlledBlob(LARGE, { allowed: 3 * MIB })
    const leaving = new AbortController()
    const left = read(cache, blob, leaving.signal)
    await until(() => blob.requests[0]?.position === 3 * MIB)
    leaving.abort(GONE)
    await left
    blob.allow(Infinity)
    const { bytes, error } = await read(cache, blob)
    expect(error).toBeUndefined()
    expect(bytes.equals(LARGE)).toBe(true)
    expect(blob.requests).toHaveLength(2)
    expect(blob.requests[1]?.range?.start).toBeGreaterThan(0)
  })

  test('fails, and nothing of it is kept, when the thread crashes; the next fetch is right', async () => {
    const cache = await cacheWith(threadOf(CRASHES))
    const blob = new ControlledBlob(LARGE)
    const cut = await read(cache, blob)
    expect(cut.error).toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    expect(cut.bytes.length).toBeLessThan(LARGE.length)
    expect(cache.sizeOf(blob.digest)).toBeUndefined()
    const { bytes, error } = await read(cache, blob)
    expect(error).toBeUndefined()
    expect(bytes.equals(LARGE)).toBe(true)
  })

  test.each([
    ['hash', 5, () => undefined],
    ['write', 2, undefined],
  ])('waits for a thread that is slow to %s, with few buffers', async (_, least, write) => {
    const mute = threadOf(MUTE)
    const cache = await cacheWith(mute, true, write)
    const blob = new ControlledBlob(patternBytes(12 * MIB, 3))
    const leaving = new AbortController()
    const left = read(cache, blob, leaving.signal)
    await until(() => store.pool.out >= least)
    for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(store.pool.out).toBeLessThan(10)
    leaving.abort(GONE)
    await left
    await mute.close()
  })
})
