import { readdir, writeFile, rm } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import {
  BlobCache,
  type BlobBytes,
  type BlobCacheOptions,
  type BlobWant,
} from '../../../src/cache/blob-cache.ts'
import type { DiskBlobs } from '../../../src/cache/disk-blobs.ts'
import { endBody } from '../../../src/content/closable-body.ts'
import { Failure } from '../../../src/errors.ts'
import { BlobStore, until } from '../../fixtures/blob-store.ts'
import { patternBytes } from '../../fixtures/content-tree.ts'
import { ControlledBlob, damaged } from '../../fixtures/controlled-blob.ts'
import { deferred } from '../../fixtures/name-lookups.ts'

const KIB = 1024
const WINDOW = 256 * KIB
const HELD_BACK = 64 * KIB
const LARGE = patternBytes(1024 * KIB + 77, 3)
const SMALL = patternBytes(50_000, 5)
const GONE = new Error('the client is gone')
const LATE = new Failure('CONTENT_TIMEOUT', 'too late')

let store: BlobStore
let disk: DiskBlobs
let cache: BlobCache
let writeErrors: unknown[]
let readErrors: unknown[]
let told: string[]

function cacheOn(on: DiskBlobs | undefined, options: Partial<BlobCacheOptions> = {}): BlobCache {
  return new BlobCache({
    disk: on,
    pool: store.pool,
    memorySize: 1024 * KIB,
    windowBytes: WINDOW,
    maxFills: 10,
    lingerMs: 600_000,
    events: {
      hit: () => undefined,
      miss: () => undefined,
      evicted: () => void told.push('evicted'),
      overloaded: () => void told.push('overloaded'),
      writeFailed: (error) => void writeErrors.push(error),
      readFailed: (_digest, error) => void readErrors.push(error),
    },
    ...options,
  })
}

beforeEach(async () => {
  store = await BlobStore.create()
  disk = await store.open()
  writeErrors = []
  readErrors = []
  told = []
  cache = cacheOn(disk)
})

afterEach(async () => {
  cache.close()
  await until(async () => (await readdir(store.incoming)).length === 0)
  // Every buffer that was lent has come back.
  await until(() => store.pool.out === 0)
  await store.remove()
})

function open(blob: ControlledBlob, want: Partial<BlobWant> = {}): Promise<BlobBytes> {
  const { signal } = new AbortController()
  const { fetch } = blob
  return cache.open(blob.digest, {
    fetch,
    holder: 'one',
    expectedSize: undefined,
    range: undefined,
    signal,
    ...want,
  })
}

/** Everything that comes, and the error that ends it. */
async function read(opened: Promise<BlobBytes>): Promise<{ bytes: Buffer; error: unknown }> {
  const pieces: Uint8Array[] = []
  try {
    for await (const piece of (await opened).pieces) pieces.push(Buffer.from(piece))
  } catch (error) {
    return { bytes: Buffer.concat(pieces), error }
  }
  return { bytes: Buffer.concat(pieces), error: undefined }
}

async function expectWhole(opened: Promise<BlobBytes>, bytes: Uint8Array): Promise<void> {
  const result = await read(opened)
  expect(result.error).toBeUndefined()
  expect(result.bytes.equals(bytes)).toBe(true)
}

describe('readers of one blob', () => {
  test('share one fetch, and later ones need none', async () => {
    const blob = new ControlledBlob(LARGE)
    await Promise.all(Array.from({ length: 50 }, () => expectWhole(open(blob), LARGE)))
    await expectWhole(open(blob), LARGE)
    expect((await open(blob)).source).toBe('disk')
    expect(blob.requests).toHaveLength(1)
    expect(disk.sizeOf(blob.digest)).toBe(LARGE.length)
  })

  test('go on when the first of them leaves', async () => {
    const blob = new ControlledBlob(LARGE, { allowed: 300 * KIB })
    const first = new AbortController()
    const aborted = read(open(blob, { signal: first.signal }))
    const others = [1, 2, 3].map(() => expectWhole(open(blob), LARGE))
    await until(() => blob.requests[0]?.position === 300 * KIB)
    first.abort(GONE)
    expect((await aborted).error).toBe(GONE)
    blob.allow(Infinity)
    await Promise.all(others)
    expect(blob.requests).toHaveLength(1)
  })

  test('end the fetch at once when the last of them leaves', async () => {
    const blob = new ControlledBlob(LARGE, { allowed: 300 * KIB })
    const leaving = [new AbortController(), new AbortController()]
    const reading = leaving.map(({ signal }) => read(open(blob, { signal })))
    await until(() => blob.requests[0]?.position === 300 * KIB)
    leaving[0]?.abort(GONE)
    expect(blob.requests[0]?.signal.aborted).toBe(false)
    leaving[1]?.abort(GONE)
    expect(blob.requests[0]?.signal.aborted).toBe(true)
    await Promise.all(reading)
  })

  test('cause a fetch of the rest only when they come back', async () => {
    const blob = new ControlledBlob(LARGE, { allowed: 600 * KIB })
    const leaving = new AbortController()
    const left = read(open(blob, { signal: leaving.signal }))
    await until(() => blob.requests[0]?.position === 600 * KIB)
    leaving.abort(GONE)
    await left
    blob.allow(Infinity)
    await expectWhole(open(blob), LARGE)
    expect(blob.requests.map(({ range }) => range)).toEqual([
      undefined,
      { start: 600 * KIB, end: LARGE.length },
    ])
    expect(disk.has(blob.digest)).toBe(true)
  })

  test('get the rest of who has the right size, whoever is asked first', async () => {
    const blob = new ControlledBlob(LARGE, { allowed: 600 * KIB })
    const leaving = new AbortController()
    const fetch: BlobWant['fetch'] = async (range, signal) => {
      const file = await blob.fetch(range, signal)
      // Only the second source is wrong.
      blob.size = LARGE.length
      return file
    }
    const want = { fetch, expectedSize: LARGE.length }
    const left = read(open(blob, { ...want, signal: leaving.signal }))
    await until(() => blob.requests[0]?.position === 600 * KIB)
    leaving.abort(GONE)
    await left
    blob.allow(Infinity)
    blob.size = LARGE.length + 10
    await expectWhole(open(blob, want), LARGE)
    expect(blob.requests.map(({ discredits }) => discredits.length)).toEqual([0, 1, 0])
  })

  test('whose time is up leave the fetch to whoever asks next', async () => {
    const blob = new ControlledBlob(LARGE, { allowed: 0 })
    const late = new AbortController()
    const left = read(open(blob, { signal: late.signal }))
    await until(() => blob.requests.length === 1)
    late.abort(LATE)
    expect((await left).error).toBe(LATE)
    expect(blob.requests[0]?.signal.aborted).toBe(false)
    blob.allow(Infinity)
    await until(() => disk.has(blob.digest))
    await expectWhole(open(blob), LARGE)
    expect(blob.requests).toHaveLength(1)
  })

  test('who are too slow for memory read on from the file', async () => {
    const bytes = patternBytes(4096 * KIB, 11)
    const blob = new ControlledBlob(bytes)
    const opened = await open(blob)
    const slow = opened.pieces[Symbol.asyncIterator]()
    const first = Buffer.from((await slow.next()).value as Uint8Array)
    await expectWhole(open(blob), bytes)
    const pieces = { [Symbol.asyncIterator]: () => slow }
    await expectWhole(Promise.resolve({ ...opened, pieces }), bytes.subarray(first.length))
    expect(blob.requests).toHaveLength(1)
  })

  test('who do not come back in time find nothing left of it', async () => {
    cache = cacheOn(disk, { lingerMs: 1 })
    const blob = new ControlledBlob(LARGE, { allowed: 600 * KIB })
    const leaving = new AbortController()
    const left = read(open(blob, { signal: leaving.signal }))
    await until(() => blob.requests[0]?.position === 600 * KIB)
    leaving.abort(GONE)
    await left
    await until(() => cache.fillCount === 0)
    await until(async () => (await readdir(store.incoming)).length === 0)
    blob.allow(Infinity)
    await expectWhole(open(blob), LARGE)
    expect(blob.requests.map(({ range }) => range)).toEqual([undefined, undefined])
  })

  test('who left before they came take no part in it', async () => {
    const blob = new ControlledBlob(LARGE, { allowed: 300 * KIB })
    const first = new AbortController()
    await open(blob, { signal: first.signal })
    await expect(open(blob, { signal: AbortSignal.abort(GONE) })).rejects.toBe(GONE)
    first.abort(GONE)
    await until(() => blob.requests[0]?.signal.aborted === true)
  })

  test('of another holder have a fetch of their own', async () => {
    const blob = new ControlledBlob(LARGE)
    const absent = new Failure('BLOB_UNKNOWN', 'it does not have it')
    const fetch = (): Promise<never> => Promise.reject(absent)
    const other = open(blob, { fetch, holder: 'other' })
    const right = expectWhole(open(blob), LARGE)
    await expect(other).rejects.toBe(absent)
    await right
    expect(blob.requests).toHaveLength(1)
  })

  test('of a holder that may not have it get nothing of others', async () => {
    const blob = new ControlledBlob(SMALL)
    await expectWhole(open(blob), SMALL)
    const absent = new Failure('BLOB_UNKNOWN', 'it does not have it')
    const fetch = (): Promise<never> => Promise.reject(absent)
    await expect(open(blob, { fetch, holder: 'other', held: false })).rejects.toBe(absent)
    await expectWhole(open(blob, { fetch, holder: 'other', held: true }), SMALL)
  })

  test('who come while the whole of it is being put away get it', async () => {
    const commit = disk.commit.bind(disk)
    const { promise, resolve } = deferred<void>()
    let putting = false
    disk.commit = async (...all) => {
      putting = true
      await promise
      await commit(...all)
    }
    const blob = new ControlledBlob(LARGE)
    const first = (await open(blob, { range: { start: 0, end: 100 } })).pieces[Symbol.asyncIterator]()
    await first.next()
    await until(() => putting)
    // Nobody reads it for a moment.
    await first.return?.()
    const second = await open(blob)
    resolve()
    await until(() => disk.has(blob.digest))
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resume) => setImmediate(resume))
    await expectWhole(Promise.resolve(second), LARGE)
    await expectWhole(open(blob), LARGE)
    expect(blob.requests).toHaveLength(1)
  })

  test('who come while it is found wrong are told so', async () => {
    // Its last bytes fill a buffer, so they are written before the digest is known.
    const full = patternBytes(1024 * KIB, 5)
    const wrong = damaged(full, 900 * KIB)
    const blob = new ControlledBlob(full)
    blob.answers = [wrong]
    const { promise, resolve } = deferred<void>()
    let flushing = false
    const create = disk.createSpool.bind(disk)
    disk.createSpool = async () => {
      const spool = await create()
      const append = spool.append.bind(spool)
      spool.append = async (piece) => {
        await append(piece)
        if (blob.requests[0]?.position !== full.length) return
        flushing = true
        await promise
      }
      return spool
    }
    const first = (await open(blob, { range: { start: 0, end: 100 } })).pieces[Symbol.asyncIterator]()
    await first.next()
    await until(() => flushing)
    // Nobody reads it for a moment.
    await first.return?.()
    const second = read(open(blob))
    resolve()
    expect((await second).error).toMatchObject({ code: 'CONTENT_INVALID' })
    expect(blob.requests[0]?.discredits.length).toBeGreaterThan(0)
    expect(disk.count).toBe(0)
  })

  test('may want a part that is about to come', async () => {
    const blob = new ControlledBlob(LARGE, { allowed: 64 * KIB })
    const whole = expectWhole(open(blob), LARGE)
    await until(() => blob.requests[0]?.position === 64 * KIB)
    const range = { start: 100 * KIB, end: 110 * KIB }
    const part = expectWhole(open(blob, { range }), LARGE.subarray(range.start, range.end))
    blob.allow(Infinity)
    await Promise.all([whole, part])
    expect(blob.requests).toHaveLength(1)
  })

  test('may want a part', async () => {
    const blob = new ControlledBlob(LARGE)
    const range = { start: 100, end: 200 }
    await expectWhole(open(blob, { range }), LARGE.subarray(100, 200))
    await expectWhole(open(blob), LARGE)
    await expectWhole(open(blob, { range }), LARGE.subarray(100, 200))
  })
})

describe('wrong bytes', () => {
  async function readFaulty(blob: ControlledBlob): Promise<{ bytes: Buffer; error: unknown }> {
    const { signal } = new AbortController()
    blob.allow(300 * KIB)
    const { pieces } = await open(blob, { signal })
    const iterator = pieces[Symbol.asyncIterator]()
    const first = await iterator.next()
    const start = Buffer.from(first.value as Uint8Array)
    blob.allow(Infinity)
    const rest = await read(
      Promise.resolve({
        size: 0,
        source: '',
        cached: false,
        pieces: { [Symbol.asyncIterator]: () => iterator },
      }),
    )
    return { bytes: Buffer.concat([start, rest.bytes]), error: rest.error }
  }

  test.each([
    ['of another digest', damaged(LARGE, 900 * KIB), 'CONTENT_INVALID', 1],
    ['too many', Buffer.concat([LARGE, SMALL]), 'CONTENT_INVALID', 1],
    ['too few', LARGE.subarray(0, -1), 'CONTENT_UNAVAILABLE', 0],
  ] as const)('%s: nobody gets the last ones and nothing is kept', async (_, answer, code, discredits) => {
    const blob = new ControlledBlob(LARGE)
    blob.answers = [answer]
    const { bytes, error } = await readFaulty(blob)
    expect(error).toMatchObject({ code })
    expect(bytes.length).toBeGreaterThan(0)
    expect(bytes.length).toBeLessThanOrEqual(LARGE.length - HELD_BACK)
    expect(blob.requests.map((request) => request.discredits.length)).toEqual([discredits])
    expect(cache.sizeOf(blob.digest)).toBeUndefined()
    expect(disk.count).toBe(0)
  })

  test('none at all where there should be some are no blob', async () => {
    const blob = new ControlledBlob(SMALL)
    const nothing = new Uint8Array()
    blob.answers = [nothing, nothing, nothing]
    blob.size = 0
    expect((await read(open(blob))).error).toMatchObject({ code: 'CONTENT_INVALID' })
    const { signal } = new AbortController()
    const want = { fetch: blob.fetch, holder: 'one', expectedSize: undefined, limit: 1000, signal }
    blob.answers = Array.from({ length: 9 }, () => nothing)
    await expect(cache.bytes(blob.digest, want)).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
    blob.size = SMALL.length
    blob.answers = []
    await expectWhole(open(blob), SMALL)
  })

  test('an empty blob is one', async () => {
    await expectWhole(open(new ControlledBlob(new Uint8Array())), new Uint8Array())
  })

  test('that nobody has seen are fetched anew', async () => {
    const blob = new ControlledBlob(SMALL)
    blob.answers = [damaged(SMALL, 0), damaged(SMALL, 49_999)]
    await expectWhole(open(blob), SMALL)
    expect(blob.requests.map((request) => request.discredits.length)).toEqual([1, 1, 0])
  })

  test('are not fetched for ever', async () => {
    const blob = new ControlledBlob(SMALL)
    blob.answers = Array.from({ length: 9 }, () => damaged(SMALL, 1))
    const { bytes, error } = await read(open(blob))
    expect(error).toMatchObject({ code: 'CONTENT_INVALID' })
    expect(bytes).toHaveLength(0)
    expect(blob.requests).toHaveLength(3)
    expect(cache.sizeOf(blob.digest)).toBeUndefined()
  })

  test('that go on beyond the size are not read on', async () => {
    const blob = new ControlledBlob(LARGE)
    blob.answers = [Buffer.concat([LARGE, patternBytes(2048 * KIB)])]
    expect((await readFaulty(blob)).error).toMatchObject({ code: 'CONTENT_INVALID' })
    expect(blob.requests[0]?.position).toBeLessThan(LARGE.length + 64 * KIB)
    expect(blob.requests[0]?.discredits).toHaveLength(1)
  })

  test('of another size than the descriptor says are not taken', async () => {
    const blob = new ControlledBlob(SMALL)
    const { error } = await read(open(blob, { expectedSize: SMALL.length + 1 }))
    expect(error).toMatchObject({ code: 'CONTENT_INVALID' })
    expect(blob.requests[0]?.discredits).toHaveLength(1)
  })
})

describe('a disk that fails', () => {
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })

  test('at the start: the blob is served and not kept', async () => {
    disk.createSpool = () => Promise.reject(full)
    const blob = new ControlledBlob(LARGE)
    await expectWhole(open(blob), LARGE)
    expect(writeErrors).toEqual([full])
    expect(disk.count).toBe(0)
  })

  test('midway: the blob is served and not kept', async () => {
    const create = disk.createSpool.bind(disk)
    disk.createSpool = async () => {
      const spool = await create()
      const append = spool.append.bind(spool)
      let appended = 0
      spool.append = (piece) => ((appended += 1) > 1 ? Promise.reject(full) : append(piece))
      return spool
    }
    const blob = new ControlledBlob(LARGE)
    await expectWhole(open(blob), LARGE)
    expect(writeErrors).toEqual([full])
    expect(disk.count).toBe(0)
  })

  test('at the end: the blob is served, and no part of it stays on disk', async () => {
    disk.commit = () => Promise.reject(full)
    const blob = new ControlledBlob(LARGE)
    await expectWhole(open(blob), LARGE)
    await until(() => writeErrors.length === 1)
    await until(async () => (await readdir(store.incoming)).length === 0)
    expect(disk.count).toBe(0)
  })

  test('to keep bytes: what is damaged comes from the source, and the copy is removed', async () => {
    const blob = new ControlledBlob(LARGE)
    await expectWhole(open(blob), LARGE)
    await writeFile(store.pathOf(blob.digest), damaged(LARGE, 700 * KIB))
    await expectWhole(open(blob), LARGE)
    expect(readErrors).toEqual([expect.objectContaining({ code: 'CONTENT_INVALID' })])
    expect(blob.requests[1]?.range).toEqual({ start: 512 * KIB, end: LARGE.length })
    expect(disk.has(blob.digest)).toBe(false)
  })

  test('to keep a file: the blob is fetched and kept anew', async () => {
    const blob = new ControlledBlob(LARGE)
    await expectWhole(open(blob), LARGE)
    await rm(store.pathOf(blob.digest))
    disk = await store.open()
    cache = cacheOn(disk)
    await expectWhole(open(blob), LARGE)
    await expectWhole(open(blob), LARGE)
    expect(blob.requests).toHaveLength(2)
    expect(disk.has(blob.digest)).toBe(true)
  })
})

describe('bounds', () => {
  test('a cache that closes ends what is being fetched', async () => {
    const blob = new ControlledBlob(LARGE, { allowed: 300 * KIB })
    const reading = read(open(blob))
    await until(() => blob.requests[0]?.position === 300 * KIB)
    cache.close()
    expect((await reading).error).toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    expect(blob.requests[0]?.signal.aborted).toBe(true)
    expect(cache.fillCount).toBe(0)
  })

  test('more fetches than allowed are refused, and one that ends makes room', async () => {
    cache = cacheOn(disk, { maxFills: 1 })
    const under = new ControlledBlob(LARGE, { allowed: 0 })
    const reading = read(open(under))
    await until(() => under.requests.length === 1)
    const refused = new ControlledBlob(SMALL)
    await expect(open(refused)).rejects.toMatchObject({ code: 'OVERLOADED', kind: { status: 503 } })
    expect(told).toEqual(['overloaded'])
    expect(refused.requests).toHaveLength(0)
    under.allow(Infinity)
    await reading
    await expectWhole(open(refused), SMALL)
  })

  test('memory holds no large blobs, also where one fetch may have more', async () => {
    cache = cacheOn(disk, { windowBytes: 2048 * KIB, memorySize: 4096 * KIB })
    const blob = new ControlledBlob(LARGE)
    await expectWhole(open(blob), LARGE)
    expect(cache.inMemory(blob.digest)).toBeUndefined()
    expect((await open(blob)).source).toBe('disk')
  })

  test('memory holds what was used last', async () => {
    cache = cacheOn(undefined, { memorySize: SMALL.length + 1024 })
    const [first, second] = [new ControlledBlob(SMALL), new ControlledBlob(damaged(SMALL, 0))]
    await expectWhole(open(first), SMALL)
    expect(cache.memoryBytes).toBe(SMALL.length + 256)
    await expectWhole(open(second), second.bytes)
    expect(told).toEqual(['evicted'])
    expect(cache.memoryBytes).toBe(SMALL.length + 256)
    expect([cache.inMemory(first.digest), cache.sizeOf(second.digest)]).toEqual([undefined, SMALL.length])
  })
})

describe('a whole small blob', () => {
  const want = (blob: ControlledBlob, limit: number) =>
    cache.bytes(blob.digest, {
      fetch: blob.fetch,
      holder: 'one',
      expectedSize: undefined,
      signal: new AbortController().signal,
      limit,
    })

  test('may have as many bytes as the limit says', async () => {
    const blob = new ControlledBlob(SMALL)
    expect((await want(blob, SMALL.length)).bytes.length).toBe(SMALL.length)
  })

  test('is refused beyond the limit, and no longer fetched', async () => {
    const blob = new ControlledBlob(LARGE, { allowed: 0 })
    await expect(want(blob, LARGE.length - 1)).rejects.toMatchObject({ code: 'CONTENT_TOO_LARGE' })
    expect(blob.requests[0]?.signal.aborted).toBe(true)
    expect(disk.count).toBe(0)
  })
})

describe('a part that nobody is fetching', () => {
  test('is asked for as such, and not kept', async () => {
    const blob = new ControlledBlob(LARGE)
    const range = { start: 100, end: 200 }
    for (const count of [1, 2]) {
      await expectWhole(open(blob, { range }), LARGE.subarray(100, 200))
      expect(blob.requests).toHaveLength(count)
      expect(cache.fillCount).toBe(0)
    }
    expect(blob.requests.map((request) => request.range)).toEqual([range, range])
    expect(cache.sizeOf(blob.digest)).toBeUndefined()
  })

  test('of a blob of another size than the descriptor says is not given', async () => {
    const blob = new ControlledBlob(LARGE)
    const range = { start: 100, end: 200 }
    const { bytes, error } = await read(open(blob, { range, expectedSize: LARGE.length + 1 }))
    expect([bytes.length, error]).toEqual([0, expect.objectContaining({ code: 'CONTENT_INVALID' })])
    expect(blob.requests[0]?.discredits).toHaveLength(1)
  })

  test('far ahead of a fetch under way is not waited for', async () => {
    const blob = new ControlledBlob(LARGE, { allowed: 64 * KIB })
    const first = new AbortController()
    const whole = read(open(blob, { signal: first.signal }))
    await until(() => blob.requests[0]?.position === 64 * KIB)
    const range = { start: 600 * KIB, end: 700 * KIB }
    const part = read(open(blob, { range }))
    await until(() => blob.requests.length === 2)
    blob.allow(Infinity)
    expect((await part).bytes.equals(LARGE.subarray(range.start, range.end))).toBe(true)
    expect(blob.requests[1]?.range).toEqual(range)
    first.abort(GONE)
    await whole
  })
})

describe('parts to the end, as after a broken download,', () => {
  const STARTS = Array.from({ length: 20 }, (_, i) => 700 * KIB + i * KIB)
  const rest = (start: number): Partial<BlobWant> => ({ range: { start, end: LARGE.length } })
  const restOf = async (opened: Promise<BlobBytes>, start: number): Promise<void> =>
    expectWhole(opened, LARGE.subarray(start))

  test.each([
    ['a disk', () => cache],
    ['none', () => cacheOn(undefined)],
  ])(
    'are fetched apart as long as that is no more than the blob, then once for all: with %s',
    async (_, make) => {
      cache = make()
      const blob = new ControlledBlob(LARGE, { allowed: 0 })
      const reading = STARTS.map((start) => restOf(open(blob, rest(start)), start))
      await until(() => blob.requests.length > 0)
      blob.allow(Infinity)
      await Promise.all(reading)
      const ranges = blob.requests.map(({ range }) => range)
      expect(ranges.slice(0, -1)).toEqual(STARTS.slice(0, 3).map((start) => ({ start, end: LARGE.length })))
      expect(ranges.at(-1)).toBeUndefined()
    },
  )

  test('are waited for in the fetch for all also by those who come when others have ended', async () => {
    const blob = new ControlledBlob(LARGE, { allowed: 0 })
    const [start = 0] = STARTS
    const leaving = new AbortController()
    const { signal } = leaving
    const left = STARTS.slice(0, 3).map((each) => read(open(blob, { ...rest(each), signal })))
    const waiting = restOf(open(blob, rest(start)), start)
    await until(() => blob.requests.length === 4)
    leaving.abort(GONE)
    await Promise.all(left)
    const late = restOf(open(blob, rest(start)), start)
    blob.allow(Infinity)
    await Promise.all([waiting, late])
    expect(blob.requests).toHaveLength(4)
  })

  test('do not count when they are read, left, or could not be had', async () => {
    const blob = new ControlledBlob(LARGE)
    const fetch = (): Promise<never> => Promise.reject(GONE)
    for (const start of STARTS) {
      await restOf(open(blob, rest(start)), start)
      await endBody((await open(blob, rest(start))).pieces)
      await expect(open(blob, { ...rest(start), fetch })).rejects.toBe(GONE)
    }
    expect(blob.requests.filter(({ range }) => range === undefined)).toEqual([])
  })
})

describe('a source that is not kept', () => {
  beforeEach(() => {
    cache = cacheOn(disk, { keeps: (source) => source !== 'controlled' })
  })

  test('has its blobs served to all who want them at once, and no copy stays on disk', async () => {
    const blob = new ControlledBlob(LARGE)
    await Promise.all([1, 2, 3].map(() => expectWhole(open(blob), LARGE)))
    expect(blob.requests).toHaveLength(1)
    await until(async () => (await readdir(store.incoming)).length === 0)
    expect(disk.count).toBe(0)
    await expectWhole(open(blob), LARGE)
    expect(blob.requests).toHaveLength(2)
    expect(writeErrors).toEqual([])
  })

  test('has small blobs kept in memory', async () => {
    const blob = new ControlledBlob(SMALL)
    await expectWhole(open(blob), SMALL)
    await expectWhole(open(blob), SMALL)
    expect(blob.requests).toHaveLength(1)
    expect(disk.count).toBe(0)
  })
})

describe('a small blob on disk', () => {
  async function storeSmall(): Promise<ControlledBlob> {
    const blob = new ControlledBlob(SMALL)
    await expectWhole(open(blob), SMALL)
    cache = cacheOn(disk)
    return blob
  }

  test('is read whole, and no read buffer is used after it was given back', async () => {
    const { digest, fetch } = await storeSmall()
    const want = {
      fetch,
      holder: 'one',
      expectedSize: undefined,
      signal: new AbortController().signal,
      limit: 60_000,
    }
    const { bytes, source } = await cache.bytes(digest, want)
    expect(source).toBe('disk')
    expect(Buffer.from(SMALL).equals(bytes)).toBe(true)
  })

  test('is not kept in memory when only a part of it was read', async () => {
    const blob = await storeSmall()
    await expectWhole(open(blob, { range: { start: 0, end: 100 } }), SMALL.subarray(0, 100))
    expect(cache.inMemory(blob.digest)).toBeUndefined()
    await expectWhole(open(blob), SMALL)
  })

  test('gives what there is of a part that reaches beyond its end, from disk and from memory', async () => {
    const blob = await storeSmall()
    const range = { start: 49_990, end: Number.MAX_SAFE_INTEGER }
    await expectWhole(open(blob, { range }), SMALL.subarray(49_990))
    await expectWhole(open(blob), SMALL)
    expect((await open(blob, { range })).source).toBe('memory')
    await expectWhole(open(blob, { range }), SMALL.subarray(49_990))
    expect(blob.requests).toHaveLength(1)
    expect(readErrors).toEqual([])
  })

  test('is kept in memory when it was read', async () => {
    const blob = await storeSmall()
    await expectWhole(open(blob), SMALL)
    expect((await open(blob)).source).toBe('memory')
    await expectWhole(open(blob), SMALL)
  })
})

/** Reads step by step. */
class Follower {
  bytes = Buffer.alloc(0)
  ended = false
  private readonly iterator: AsyncIterator<Uint8Array>

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.iterator = pieces[Symbol.asyncIterator]()
  }

  async step(): Promise<void> {
    const { done, value } = await this.iterator.next()
    if (done === true) this.ended = true
    else this.bytes = Buffer.concat([this.bytes, value])
  }
}

describe('without a disk', () => {
  const LONG = patternBytes(2 * 1024 * KIB, 9)

  beforeEach(() => {
    cache = cacheOn(undefined)
  })

  async function start(blob: ControlledBlob): Promise<{ first: Buffer; rest: Promise<BlobBytes> }> {
    const opened = await open(blob)
    const iterator = opened.pieces[Symbol.asyncIterator]()
    const first = Buffer.from((await iterator.next()).value as Uint8Array)
    const pieces = { [Symbol.asyncIterator]: () => iterator }
    return { first, rest: Promise.resolve({ ...opened, pieces }) }
  }

  test('a fetch goes no faster than its fastest reader', async () => {
    const blob = new ControlledBlob(LONG)
    const { first, rest } = await start(blob)
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(blob.requests[0]?.position).toBeLessThanOrEqual(WINDOW + 3 * 64 * KIB)
    await expectWhole(rest, LONG.subarray(first.length))
    expect(blob.requests).toHaveLength(1)
  })

  test('a slow reader fetches for itself what it missed', async () => {
    const blob = new ControlledBlob(LONG)
    const { first, rest } = await start(blob)
    await expectWhole(open(blob), LONG)
    await expectWhole(rest, LONG.subarray(first.length))
    expect(blob.requests).toHaveLength(2)
    expect(blob.requests[1]?.range?.start).toBe(0)
  })

  test('a slow reader asks once for all it misses, as long as it is behind', async () => {
    const bytes = patternBytes(4096 * KIB, 10)
    const blob = new ControlledBlob(bytes)
    const readers = await Promise.all([open(blob), open(blob)])
    const [fast, slow] = readers.map(({ pieces }) => new Follower(pieces)) as [Follower, Follower]
    while (!slow.ended) {
      while (!fast.ended && fast.bytes.length < slow.bytes.length + 1024 * KIB) await fast.step()
      await slow.step()
    }
    expect(fast.bytes.equals(bytes)).toBe(true)
    expect(slow.bytes.equals(bytes)).toBe(true)
    expect(blob.requests).toHaveLength(2)
  })

  test('a slow reader may have begun anywhere', async () => {
    const blob = new ControlledBlob(LONG, { allowed: 300 * KIB })
    const { first, rest } = await start(blob)
    const range = { start: 100 * KIB + 1, end: LONG.length }
    const slow = await open(blob, { range })
    blob.allow(Infinity)
    await expectWhole(rest, LONG.subarray(first.length))
    await expectWhole(Promise.resolve(slow), LONG.subarray(range.start))
    expect(blob.requests[1]?.range?.start).toBe(0)
  })

  test('a slow reader gets no bytes that differ from those that went by', async () => {
    const blob = new ControlledBlob(LONG)
    blob.answers = [LONG, damaged(LONG, 1024 * KIB + 5)]
    const { first, rest } = await start(blob)
    await expectWhole(open(blob), LONG)
    const { bytes, error } = await read(rest)
    expect(error).toMatchObject({ code: 'CONTENT_INVALID' })
    expect(bytes.equals(LONG.subarray(first.length, 1024 * KIB))).toBe(true)
    expect(blob.requests[1]?.discredits).toHaveLength(1)
  })

  test('the end of a fetch that is over does not touch the one that came after', async () => {
    const blob = new ControlledBlob(LONG)
    const leaving = new AbortController()
    const slow = (await open(blob, { signal: leaving.signal })).pieces[Symbol.asyncIterator]()
    await slow.next()
    await expectWhole(open(blob), LONG)
    expect(cache.fillCount).toBe(0)
    blob.allow(300 * KIB)
    const second = read(open(blob))
    await until(() => blob.requests[1]?.position === 300 * KIB)
    leaving.abort(GONE)
    await slow.return?.()
    expect(cache.fillCount).toBe(1)
    const third = read(open(blob))
    blob.allow(Infinity)
    expect((await second).bytes.equals(LONG)).toBe(true)
    expect((await third).bytes.equals(LONG)).toBe(true)
    expect(blob.requests.filter(({ range }) => range === undefined)).toHaveLength(2)
  })

  test('small blobs are kept in memory', async () => {
    const blob = new ControlledBlob(SMALL)
    await expectWhole(open(blob), SMALL)
    expect(await open(blob)).toMatchObject({ source: 'memory', cached: true })
    expect(blob.requests).toHaveLength(1)
  })
})
