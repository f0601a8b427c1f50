import { setMaxListeners } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { CID } from 'multiformats/cid'
import { fileBytes, fileRoot } from '../../src/content/unixfs/file.ts'
import type { AddedFile } from '../../src/publish/target.ts'
import type { Digest } from '../../src/reference/digest.ts'
import type { RepositoryPlace, RootStore, RootVersion } from '../../src/roots/root-store.ts'
import { digestOfBytes } from '../fixtures/layouts.ts'
import { fileOf, nextVersion } from '../fixtures/root-folders.ts'
import { brokenPart, heldPart, partOf, seededBytes } from '../fixtures/upload-parts.ts'

export interface RootStoreSettings {
  /** Versions of a root that are kept. */
  readonly history: number
  /** ms */
  readonly uploadTimeout: number
  /** ms since the epoch; moves on only when a test says so. */
  readonly now: () => number
}

/** A store under test, empty at first. */
export interface RootStoreUnderTest {
  /** Whether an upload goes on after {@link restart}. */
  readonly keepsUploads: boolean
  /** Another one after {@link restart}. */
  readonly store: RootStore
  /** What holds the data, and the store over it, are killed and started again. */
  restart(): Promise<void>
  /** Remove the uploads and staged blobs that are older than the time-out. */
  sweep(): Promise<void>
  close(): Promise<void>
}

const MiB = 1024 * 1024
const HISTORY = 4
const HOUR = 3_600_000

/** What every {@link RootStore} must do, wherever it keeps things. */
export function describeRootStore(
  name: string,
  start: (settings: RootStoreSettings) => Promise<RootStoreUnderTest>,
): void {
  describe(`${name} as a store of roots`, () => {
    const { signal } = new AbortController()
    // one signal for what many do at once
    setMaxListeners(0, signal)
    let under: RootStoreUnderTest
    let clock = Date.now()
    let places = 0

    beforeAll(async () => {
      under = await start({ history: HISTORY, uploadTimeout: HOUR, now: () => clock })
    }, 120_000)
    afterAll(() => under.close(), 60_000)

    /** A repository that no other test knows. */
    const newPlace = (): RepositoryPlace => ({ root: 'home', repository: `team/app-${++places}` })
    const newRoot = (): string => `root-${++places}`
    const begin = async (place: RepositoryPlace): Promise<string> =>
      (await under.store.uploads.begin(place, signal)).id
    const append = (place: RepositoryPlace, id: string, ...part: Parameters<typeof partOf>) =>
      under.store.uploads.append(place, id, partOf(...part), signal)
    const finish = (
      place: RepositoryPlace,
      id: string,
      digest: Digest,
      ...part: Parameters<typeof partOf> | []
    ) => {
      const [bytes, about] = part
      const last = bytes === undefined ? undefined : partOf(bytes, about)
      return under.store.uploads.finish(place, id, digest, last, signal)
    }
    const sizeOf = async (place: RepositoryPlace, id: string): Promise<number> =>
      (await under.store.uploads.status(place, id, signal)).size
    const push = async (place: RepositoryPlace, bytes: Uint8Array): Promise<AddedFile> =>
      finish(place, await begin(place), digestOfBytes(bytes), bytes)
    const find = (place: RepositoryPlace, bytes: Uint8Array) =>
      under.store.staged.find(place, digestOfBytes(bytes), signal)
    const commit = async (
      root: string,
      base: RootVersion | undefined,
      files: Parameters<typeof nextVersion>[0],
    ): Promise<RootVersion | undefined> =>
      under.store.versions.commit(root, base, await nextVersion(files), signal)
    const head = (root: string) => under.store.versions.head(root, signal)
    const read = async (cid: CID): Promise<Buffer> => {
      const file = fileRoot(cid, await under.store.blocks.get(cid, { signal }), 'a file')
      const range = { start: 0, end: file.node.size }
      const pieces: Uint8Array[] = []
      for await (const piece of fileBytes(under.store.blocks, file, range, { signal, readAhead: 4 })) {
        pieces.push(Buffer.from(piece))
      }
      return Buffer.concat(pieces)
    }
    const failure = (code: string, detail?: unknown) =>
      expect.objectContaining({ code, ...(detail === undefined ? {} : { detail }) })
    /** The blob is staged as it should be, and can be read. */
    const expectStaged = async (place: RepositoryPlace, bytes: Buffer, file: AddedFile): Promise<void> => {
      const expected = fileOf(bytes)
      for (const found of [file, await find(place, bytes)]) {
        expect({ ...found, cid: found?.cid.toString() }).toEqual({
          ...expected,
          cid: expected.cid.toString(),
        })
      }
      expect((await read(file.cid)).equals(bytes)).toBe(true)
    }

    describe('uploads', () => {
      test.each([
        ['no byte', 0],
        ['one byte', 1],
        ['a leaf', MiB],
        ['a leaf and a byte', MiB + 1],
        ['3 MiB and a byte', 3 * MiB + 1],
      ])('takes a blob of %s with the last request', async (what, length) => {
        const place = newPlace()
        const bytes = seededBytes(`whole ${what}`, length)
        const id = await begin(place)
        expect(id).toMatch(/^[A-Za-z0-9._~-]+$/)
        expect(await sizeOf(place, id)).toBe(0)
        const file = await finish(place, id, digestOfBytes(bytes), bytes, { start: 0, length })
        await expectStaged(place, bytes, file)
        await expect(sizeOf(place, id)).rejects.toEqual(failure('UPLOAD_UNKNOWN'))
      })

      test.each([
        ['one part and an empty end', [5 * MiB + 3]],
        ['leaves', [MiB, 2 * MiB, MiB]],
        ['leaves and a rest', [2 * MiB, 4 * MiB, 12_345]],
        ['parts of any length', [1, MiB, 77_777, 2 * MiB + 5, 3]],
        ['small parts', [10, 20, 30]],
        ['an empty part in the middle', [MiB, 0, MiB]],
        ['only empty parts', [0, 0]],
      ])('takes a blob in %s', async (what, lengths) => {
        const place = newPlace()
        const size = lengths.reduce((sum, length) => sum + length, 0)
        const bytes = seededBytes(what, size)
        const id = await begin(place)
        let at = 0
        for (const length of lengths) {
          const part = bytes.subarray(at, at + length)
          const status = await append(place, id, part, { start: at, length })
          at += length
          expect(status).toEqual({ id, size: at })
          expect(await sizeOf(place, id)).toBe(at)
        }
        await expectStaged(place, bytes, await finish(place, id, digestOfBytes(bytes)))
      })

      test('takes parts with the last of them in the last request, which need not say where they begin', async () => {
        const place = newPlace()
        const bytes = seededBytes('last', 3 * MiB + 1)
        const id = await begin(place)
        await append(place, id, bytes.subarray(0, 2 * MiB))
        const file = await finish(place, id, digestOfBytes(bytes), bytes.subarray(2 * MiB))
        await expectStaged(place, bytes, file)
      })

      test.each([
        ['in one request', []],
        ['in parts', [MiB, MiB + 7]],
      ])('holds a blob to its sha512, %s', async (what, cuts) => {
        const place = newPlace()
        const bytes = seededBytes(`sha512 ${what}`, 2 * MiB + 99)
        const digest = digestOfBytes(bytes, 'sha512')
        const id = await begin(place)
        let at = 0
        for (const cut of cuts) {
          await append(place, id, bytes.subarray(at, cut))
          at = cut
        }
        const file = await finish(place, id, digest, bytes.subarray(at))
        expect(file.cid.toString()).toBe(fileOf(bytes).cid.toString())
        expect((await under.store.staged.find(place, digest, signal))?.size).toBe(bytes.length)
        expect(await find(place, bytes)).toBeUndefined()
      })

      test('takes the same blob again, and at the same time', async () => {
        const place = newPlace()
        const bytes = seededBytes('again', MiB + 5)
        const files = await Promise.all([push(place, bytes), push(place, bytes), push(place, bytes)])
        for (const file of [...files, await push(place, bytes)]) await expectStaged(place, bytes, file)
      })

      test.each([1, 0, 20])('refuses a part that begins at %i when 10 bytes are there', async (at) => {
        const place = newPlace()
        const id = await begin(place)
        const bytes = seededBytes('offset', 20)
        await append(place, id, bytes.subarray(0, 10))
        await expect(append(place, id, bytes.subarray(10), { start: at })).rejects.toEqual(
          failure('RANGE_INVALID', { size: 10 }),
        )
        await expect(
          finish(place, id, digestOfBytes(bytes), bytes.subarray(10), { start: at }),
        ).rejects.toEqual(failure('RANGE_INVALID', { size: 10 }))
        expect(await sizeOf(place, id)).toBe(10)
        const file = await finish(place, id, digestOfBytes(bytes), bytes.subarray(10), { start: 10 })
        await expectStaged(place, bytes, file)
      })

      test.each([
        ['fewer', 3 * MiB + 1],
        ['more', 2 * MiB - 1],
      ])('refuses a part with %s bytes than it says', async (_, length) => {
        const place = newPlace()
        const bytes = seededBytes('counted', 2 * MiB + 100)
        const id = await begin(place)
        await expect(append(place, id, bytes, { length })).rejects.toEqual(failure('UPLOAD_INVALID'))
        const size = await sizeOf(place, id)
        expect(size).toBeLessThanOrEqual(bytes.length)
        const file = await finish(place, id, digestOfBytes(bytes), bytes.subarray(size), { start: size })
        await expectStaged(place, bytes, file)
      })

      test('goes on from where it is after a client broke off', async () => {
        const place = newPlace()
        const bytes = seededBytes('broken', 4 * MiB + 9)
        const id = await begin(place)
        await append(place, id, bytes.subarray(0, MiB + 1))
        const part = brokenPart(bytes.subarray(MiB + 1), 2 * MiB)
        await expect(under.store.uploads.append(place, id, part, signal)).rejects.toBeDefined()
        const size = await sizeOf(place, id)
        expect(size).toBeGreaterThanOrEqual(MiB + 1)
        expect(size).toBeLessThanOrEqual(3 * MiB + 1)
        await append(place, id, bytes.subarray(size, size + 100), { start: size })
        const file = await finish(place, id, digestOfBytes(bytes), bytes.subarray(size + 100))
        await expectStaged(place, bytes, file)
      })

      test('goes on after a client broke off in the last request', async () => {
        const place = newPlace()
        const bytes = seededBytes('broken end', 2 * MiB)
        const id = await begin(place)
        const part = brokenPart(bytes, MiB + 3)
        const broken = under.store.uploads.finish(place, id, digestOfBytes(bytes), part, signal)
        await expect(broken).rejects.toBeDefined()
        const size = await sizeOf(place, id)
        expect(await find(place, bytes)).toBeUndefined()
        const file = await finish(place, id, digestOfBytes(bytes), bytes.subarray(size))
        await expectStaged(place, bytes, file)
      })

      test('ends a request whose signal is aborted, with its reason', async () => {
        const place = newPlace()
        const bytes = seededBytes('aborted', 3 * MiB)
        const id = await begin(place)
        const leaving = new AbortController()
        const { part, reached, release } = heldPart(bytes, 2 * MiB)
        const appending = under.store.uploads.append(place, id, part, leaving.signal)
        await reached
        leaving.abort(new Error('gone'))
        release()
        await expect(appending).rejects.toThrow('gone')
        const size = await sizeOf(place, id)
        const file = await finish(place, id, digestOfBytes(bytes), bytes.subarray(size), { start: size })
        await expectStaged(place, bytes, file)
      })

      test('refuses a second writer, and lets the first one finish', async () => {
        const place = newPlace()
        const bytes = seededBytes('writers', 2 * MiB)
        const id = await begin(place)
        const { part, reached, release } = heldPart(bytes, MiB)
        const first = under.store.uploads.append(place, id, part, signal)
        await reached
        await expect(append(place, id, seededBytes('other', 100))).rejects.toEqual(failure('UPLOAD_INVALID'))
        await expect(finish(place, id, digestOfBytes(bytes))).rejects.toEqual(failure('UPLOAD_INVALID'))
        release()
        expect(await first).toEqual({ id, size: bytes.length })
        await expectStaged(place, bytes, await finish(place, id, digestOfBytes(bytes)))
      })

      test.each([
        ['in one request', 0],
        ['in parts', MiB],
      ])('drops an upload whose bytes have another digest, %s', async (what, cut) => {
        const place = newPlace()
        const bytes = seededBytes(`wrong ${what}`, 2 * MiB)
        const other = seededBytes('right', 10)
        const id = await begin(place)
        if (cut > 0) await append(place, id, bytes.subarray(0, cut))
        await expect(finish(place, id, digestOfBytes(other), bytes.subarray(cut))).rejects.toEqual(
          failure('DIGEST_INVALID'),
        )
        await expect(sizeOf(place, id)).rejects.toEqual(failure('UPLOAD_UNKNOWN'))
        expect(await find(place, other)).toBeUndefined()
        expect(await find(place, bytes)).toBeUndefined()
      })

      test('cancels', async () => {
        const place = newPlace()
        const id = await begin(place)
        await append(place, id, seededBytes('cancelled', MiB + 1))
        await under.store.uploads.cancel(place, id, signal)
        await expect(sizeOf(place, id)).rejects.toEqual(failure('UPLOAD_UNKNOWN'))
        await expect(append(place, id, Buffer.from('x'))).rejects.toEqual(failure('UPLOAD_UNKNOWN'))
        await expect(under.store.uploads.cancel(place, id, signal)).rejects.toEqual(failure('UPLOAD_UNKNOWN'))
      })

      test('knows an upload in its own repository only', async () => {
        const place = newPlace()
        const bytes = seededBytes('mine', 100)
        const id = await begin(place)
        const strangers: [RepositoryPlace, string][] = [
          [newPlace(), id],
          [{ ...place, root: 'other' }, id],
          [{ ...place, repository: `${place.repository}/below` }, id],
          [place, 'never-begun'],
          [place, '..'],
          [place, 'a/b'],
          [place, ''],
        ]
        const unknown = failure('UPLOAD_UNKNOWN')
        for (const [stranger, its] of strangers) {
          await expect(sizeOf(stranger, its)).rejects.toEqual(unknown)
          await expect(append(stranger, its, bytes)).rejects.toEqual(unknown)
          await expect(finish(stranger, its, digestOfBytes(bytes), bytes)).rejects.toEqual(unknown)
          await expect(under.store.uploads.cancel(stranger, its, signal)).rejects.toEqual(unknown)
        }
        await expectStaged(place, bytes, await finish(place, id, digestOfBytes(bytes), bytes))
      })

      test('goes on with an upload after a crash, or knows it no longer', async () => {
        const place = newPlace()
        const bytes = seededBytes('crash', 3 * MiB + 17)
        const id = await begin(place)
        await append(place, id, bytes.subarray(0, MiB))
        await append(place, id, bytes.subarray(MiB, 2 * MiB + 1))
        await under.restart()
        if (!under.keepsUploads) {
          await expect(sizeOf(place, id)).rejects.toEqual(failure('UPLOAD_UNKNOWN'))
          return
        }
        expect(await sizeOf(place, id)).toBe(2 * MiB + 1)
        const file = await finish(place, id, digestOfBytes(bytes), bytes.subarray(2 * MiB + 1))
        await expectStaged(place, bytes, file)
        await under.restart()
        await expectStaged(place, bytes, file)
        await expect(sizeOf(place, id)).rejects.toEqual(failure('UPLOAD_UNKNOWN'))
      })

      test('takes many at once', async () => {
        const place = newPlace()
        const blobs = Array.from({ length: 12 }, (_, at) => seededBytes(`many ${at}`, MiB + at))
        const files = await Promise.all(blobs.map((bytes) => push(place, bytes)))
        for (const [at, file] of files.entries()) await expectStaged(place, blobs[at]!, file)
      })
    })

    describe('staged blobs', () => {
      test('are found in their repository only, until they are dropped', async () => {
        const place = newPlace()
        const bytes = seededBytes('staged', 1000)
        await push(place, bytes)
        expect(await find(place, bytes)).toBeDefined()
        expect(await find(newPlace(), bytes)).toBeUndefined()
        expect(await find({ ...place, root: 'other' }, bytes)).toBeUndefined()
        expect(await find({ ...place, repository: 'team' }, bytes)).toBeUndefined()
        expect(await find({ ...place, repository: `${place.repository}/below` }, bytes)).toBeUndefined()
        const absent = digestOfBytes(seededBytes('absent', 5))
        await under.store.staged.drop(place, [absent, digestOfBytes(bytes), absent], signal)
        expect(await find(place, bytes)).toBeUndefined()
        await under.store.staged.drop(place, [digestOfBytes(bytes)], signal)
        await under.store.staged.drop(newPlace(), [digestOfBytes(bytes)], signal)
      })

      test('can be staged for another repository, and outlive the first one', async () => {
        const [place, other] = [newPlace(), newPlace()]
        const bytes = seededBytes('mounted', 2 * MiB + 1)
        const file = await push(place, bytes)
        await under.store.staged.stage(other, digestOfBytes(bytes), file, signal)
        await under.store.staged.stage(other, digestOfBytes(bytes), file, signal)
        await under.store.staged.drop(place, [digestOfBytes(bytes)], signal)
        await under.restart()
        await expectStaged(other, bytes, file)
      })

      test('can be staged from a version', async () => {
        const place = newPlace()
        const root = newRoot()
        const bytes = seededBytes('from a version', MiB + 1)
        const file = await push({ root, repository: 'a' }, bytes)
        await commit(root, undefined, { 'a/blob': file })
        await under.store.staged.drop({ root, repository: 'a' }, [digestOfBytes(bytes)], signal)
        await under.store.staged.stage(place, digestOfBytes(bytes), file, signal)
        await expectStaged(place, bytes, file)
      })

      test('are not staged when the store does not have them', async () => {
        const place = newPlace()
        const bytes = seededBytes('nowhere', 2 * MiB)
        await expect(
          under.store.staged.stage(place, digestOfBytes(bytes), fileOf(bytes), signal),
        ).rejects.toBeDefined()
        expect(await find(place, bytes)).toBeUndefined()
      })
    })

    describe('versions', () => {
      test('a root that nobody wrote to has none', async () => {
        const root = newRoot()
        expect(await head(root)).toBeUndefined()
        expect(await under.store.versions.history(root, signal)).toEqual([])
      })

      test('follow one another, and survive a crash', async () => {
        const root = newRoot()
        const bytes = seededBytes('layer', 3 * MiB + 1)
        const file = await push({ root, repository: 'app' }, bytes)
        const first = await commit(root, undefined, { 'app/blobs/layer': file, 'app/index.json': '{"v":1}' })
        expect(first?.number).toBe(1)
        await under.store.staged.drop({ root, repository: 'app' }, [digestOfBytes(bytes)], signal)
        await under.restart()
        expect((await head(root))?.cid.toString()).toBe(first?.cid.toString())
        expect((await read(file.cid)).equals(bytes)).toBe(true)
        const files = { 'app/blobs/layer': file, 'app/index.json': '{"v":2}', 'other/index.json': '{}' }
        const second = await commit(root, await head(root), files)
        const { cid, blocks } = await nextVersion(files)
        expect([second?.number, second?.cid.toString()]).toEqual([2, cid.toString()])
        await under.restart()
        const now = await head(root)
        expect([now?.number, now?.cid.toString()]).toEqual([2, cid.toString()])
        for (const block of blocks) {
          expect(Buffer.compare(await under.store.blocks.get(block.cid, { signal }), block.bytes)).toBe(0)
        }
        expect((await under.store.versions.history(root, signal)).map(({ number }) => number)).toEqual([2, 1])
      })

      test('keep their content when the staged blob is dropped or times out', async () => {
        const root = newRoot()
        const place = { root, repository: 'app' }
        const bytes = seededBytes('kept', 2 * MiB)
        const file = await push(place, bytes)
        await commit(root, undefined, { 'app/blob': file })
        clock += 2 * HOUR
        await under.sweep()
        expect(await find(place, bytes)).toBeUndefined()
        await under.restart()
        expect((await read(file.cid)).equals(bytes)).toBe(true)
        // an unchanged file is in the next version without being staged
        const next = await commit(root, await head(root), { 'app/blob': file, 'app/new': 'new' })
        expect(next?.number).toBe(2)
      })

      test('are written by one only when many try', async () => {
        const root = newRoot()
        for (let round = 0; round < 3; round++) {
          const base = await head(root)
          const tries = await Promise.all(
            Array.from({ length: 16 }, (_, at) => commit(root, base, { [`by-${at}`]: `round ${round}` })),
          )
          const won = tries.filter((version) => version !== undefined)
          expect(won).toHaveLength(1)
          const now = await head(root)
          expect([now?.number, now?.cid.toString()]).toEqual([round + 1, won[0]?.cid.toString()])
        }
      })

      test('all come through when those who lose try again', async () => {
        const root = newRoot()
        const names = Array.from({ length: 8 }, (_, at) => `file-${at}`)
        const seen = new Map<number, string[]>([[0, []]])
        await Promise.all(
          names.map(async (name) => {
            for (;;) {
              const base = await head(root)
              const there = seen.get(base?.number ?? 0)
              if (there === undefined) continue
              const files = [...there, name]
              const entries = Object.fromEntries(files.map((file) => [file, file]))
              const version = await commit(root, base, entries)
              if (version === undefined) continue
              seen.set(version.number, files)
              return
            }
          }),
        )
        const now = await head(root)
        expect(now?.number).toBe(names.length)
        expect(seen.get(names.length)?.toSorted()).toEqual(names)
      })

      test('are refused on an old base, also on one that is no longer kept', async () => {
        const root = newRoot()
        const bases: (RootVersion | undefined)[] = [undefined]
        for (let at = 0; at < HISTORY + 3; at++) {
          bases.push(await commit(root, bases.at(-1), { file: `${at}` }))
        }
        expect(bases.at(-1)?.number).toBe(HISTORY + 3)
        for (const base of bases.slice(0, -1)) {
          expect(await commit(root, base, { late: 'late' })).toBeUndefined()
        }
        const history = await under.store.versions.history(root, signal)
        const kept = bases.slice(-HISTORY).toReversed()
        expect(history.map(({ number }) => number)).toEqual(kept.map((version) => version?.number))
        expect(history.map(({ cid }) => cid.toString())).toEqual(
          kept.map((version) => version?.cid.toString()),
        )
        expect((await head(root))?.number).toBe(HISTORY + 3)
      })

      test('are not made of what is not stored', async () => {
        const root = newRoot()
        const missing = expect.objectContaining({ code: 'CONTENT_NOT_FOUND' })
        const lost = fileOf(seededBytes('lost', 2 * MiB + 1))
        await expect(commit(root, undefined, { 'app/lost': lost })).rejects.toEqual(missing)
        const small = fileOf(seededBytes('lost too', 100))
        await expect(commit(root, undefined, { 'app/lost': small })).rejects.toEqual(missing)
        const files = (at: number) => nextVersion({ 'app/a': `lost ${at}`, b: `b ${at}` })
        const { length } = (await files(0)).blocks
        for (let at = 0; at < length; at++) {
          // other bytes each time, since what has been tried may be stored
          const next = await files(at)
          const blocks = next.blocks.filter((_, index) => index !== at)
          const trying = under.store.versions.commit(newRoot(), undefined, { ...next, blocks }, signal)
          await expect(trying).rejects.toEqual(missing)
        }
        expect(await head(root)).toBeUndefined()
        expect((await commit(root, undefined, { 'app/a': 'a' }))?.number).toBe(1)
      })

      test('of different roots have nothing to do with each other', async () => {
        const [one, other] = [newRoot(), newRoot()]
        await commit(one, undefined, { a: '1' })
        expect(await head(other)).toBeUndefined()
        expect((await commit(other, undefined, { b: '2' }))?.number).toBe(1)
      })
    })

    describe('what is abandoned', () => {
      test('is removed after a time, not before', async () => {
        const place = newPlace()
        const bytes = seededBytes('abandoned', 1000)
        const [idle, busy] = [await begin(place), await begin(place)]
        await append(place, idle, bytes)
        await push(place, bytes)
        clock += 0.75 * HOUR
        await under.sweep()
        expect(await sizeOf(place, idle)).toBe(bytes.length)
        await append(place, busy, bytes)
        clock += 0.75 * HOUR
        await under.sweep()
        await expect(sizeOf(place, idle)).rejects.toEqual(failure('UPLOAD_UNKNOWN'))
        expect(await find(place, bytes)).toBeUndefined()
        expect(await sizeOf(place, busy)).toBe(bytes.length)
        await expectStaged(place, bytes, await finish(place, busy, digestOfBytes(bytes)))
      })

      test('is not what is staged again', async () => {
        const place = newPlace()
        const bytes = seededBytes('staged again', 1000)
        await push(place, bytes)
        clock += 0.75 * HOUR
        const file = await push(place, bytes)
        clock += 0.75 * HOUR
        await under.sweep()
        await expectStaged(place, bytes, file)
      })
    })

    test('gives blocks that it has, and looks for others nowhere', async () => {
      const file = await push(newPlace(), seededBytes('a block', 500))
      expect(await under.store.blocks.get(file.cid, { signal })).toHaveLength(500)
      const absent = fileOf(seededBytes('no block', 500))
      await expect(under.store.blocks.get(absent.cid, { signal })).rejects.toEqual(
        failure('CONTENT_UNAVAILABLE'),
      )
    })
  })
}
