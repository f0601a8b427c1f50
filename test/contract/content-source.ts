import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import { Failure } from '../../src/errors.ts'
import type { ByteRange, ContentPath, ContentSource, OpenedFile } from '../../src/content/source.ts'
import { type ContentTree, DAG_SHAPES, importTree, patternBytes } from '../fixtures/content-tree.ts'

/** A source under test, over content that it has. */
export interface SourceUnderTest {
  readonly source: ContentSource
  close: () => Promise<void>
  /** For sources over a network: bytes that left the place where it gets them. */
  bytesSent?: () => number
  /** For sources over a network: let every answer hang after so many bytes of its body, until healed. */
  stallAfter?: (bytes: number) => void
  heal?: () => void
}

export interface ContractOptions {
  /** Where it tells the CIDs of what paths lead to. Default: everywhere. */
  readonly tellsCid?: 'everywhere' | 'stat'
  /** Can list directories. Default true. */
  readonly lists?: boolean
}

const MANY = 1500
const LARGE = patternBytes(5 * 1024 * 1024 + 77, 3)
const ENTRIES = {
  'image/index.json': Buffer.from('{"schemaVersion":2,"manifests":[]}'),
  'image/empty': new Uint8Array(),
  'image/one': Uint8Array.of(7),
  'image/large': LARGE,
  'image/ä b+c%25?#': Buffer.from('a name that a URL must escape'),
  'image/zeros': new Uint8Array(3 * 1024 * 1024),
  link: 'image/one',
}

/** What every {@link ContentSource} must do, whatever it reads from. */
export function contentSourceContract(
  name: string,
  make: (trees: readonly ContentTree[]) => Promise<SourceUnderTest>,
  options: ContractOptions = {},
): void {
  const { tellsCid = 'everywhere', lists = true } = options

  describe(`${name} as a content source`, () => {
    const trees = new Map<string, ContentTree>()
    let sharded: ContentTree
    let huge: ContentTree
    let under: SourceUnderTest
    let source: ContentSource

    beforeAll(async () => {
      for (const [shape, importing] of Object.entries(DAG_SHAPES)) {
        trees.set(shape, await importTree(ENTRIES, importing))
      }
      const many: Record<string, Uint8Array> = {}
      for (let index = 0; index < MANY; index++) many[`many/entry-${index}`] = Buffer.from(String(index))
      sharded = await importTree(many, { ...DAG_SHAPES['unixfs-v1-2025'], shardSplitThresholdBytes: 1000 })
      huge = await importTree({ huge: patternBytes(48 * 1024 * 1024, 5) })
      under = await make([...trees.values(), sharded, huge])
      source = under.source
    }, 60_000)
    afterEach(() => under.heal?.())
    afterAll(() => under.close())

    const { signal } = new AbortController()
    const tree = (): ContentTree => trees.get('unixfs-v1-2025')!
    const at = (path: string, from: ContentTree = tree()): ContentPath => ({
      root: from.root,
      segments: path === '' ? [] : path.split('/'),
    })
    const read = async (path: ContentPath, range?: ByteRange): Promise<Buffer> => {
      const opened = await source.open(path, range === undefined ? { signal } : { signal, range })
      return collect(opened)
    }

    describe.each(Object.keys(DAG_SHAPES))('%s', (shape) => {
      test.each(['image/index.json', 'image/empty', 'image/one', 'image/large', 'image/zeros'])(
        'opens the whole of %s',
        async (path) => {
          const from = trees.get(shape)!
          const opened = await source.open(at(path, from), { signal })
          expect(opened.size).toBe(from.files.get(path)!.byteLength)
          expect(opened.proof).toBe(source.proof)
          expect(opened.source).toBe(source.name)
          if (tellsCid === 'everywhere') expect(opened.cid?.toString()).toBe(from.cids.get(path)!.toString())
          expect((await collect(opened)).equals(from.files.get(path)!)).toBe(true)
        },
      )

      test.each([
        [0, 1],
        [0, LARGE.byteLength],
        [262_143, 262_145],
        [262_144, 524_288],
        [1_048_575, 1_048_577],
        [1_048_576, 2_097_152],
        [3_000_000, 3_000_000],
        [LARGE.byteLength - 1, LARGE.byteLength],
        [LARGE.byteLength - 100, LARGE.byteLength + 5_000_000],
        [4_000_000, Number.MAX_SAFE_INTEGER],
        [LARGE.byteLength, LARGE.byteLength + 10],
        [LARGE.byteLength + 50, LARGE.byteLength + 60],
      ])('opens bytes %i to %i', async (start, end) => {
        const opened = await source.open(at('image/large', trees.get(shape)), {
          signal,
          range: { start, end },
        })
        expect(opened.size).toBe(LARGE.byteLength)
        expect((await collect(opened)).equals(LARGE.subarray(start, end))).toBe(true)
      })
    })

    test('opens a range of an empty file and of a file of one byte', async () => {
      expect(await read(at('image/empty'), { start: 0, end: 10 })).toHaveLength(0)
      expect(await read(at('image/one'), { start: 0, end: 10 })).toEqual(Buffer.of(7))
      expect(await read(at('image/one'), { start: 1, end: 10 })).toHaveLength(0)
    })

    test('opens a file at the root itself, without a path', async () => {
      const root = tree().cids.get('image/large')!
      expect((await read({ root, segments: [] })).equals(LARGE)).toBe(true)
    })

    test('opens a file that stands in its CID', async () => {
      const root = CID.parse('bafkqablimvwgy3y')
      expect((await read({ root, segments: [] })).toString()).toBe('hello')
    })

    test('opens names that a URL must escape', async () => {
      expect((await read(at('image/ä b+c%25?#'))).toString()).toContain('must escape')
    })

    test('finds entries of a sharded directory', async () => {
      for (const index of [0, 1, 77, MANY - 1]) {
        expect((await read(at(`many/entry-${index}`, sharded))).toString()).toBe(String(index))
      }
    })

    test('tells files from directories', async () => {
      const { cids } = tree()
      const file = await source.stat(at('image/large'), { signal })
      expect(file).toMatchObject({ kind: 'file', size: LARGE.byteLength })
      const directory = await source.stat(at('image'), { signal })
      expect(directory).toMatchObject({ kind: 'directory', size: 0 })
      expect(await source.stat(at(''), { signal })).toMatchObject({ kind: 'directory' })
      expect(await source.stat(at('many', sharded), { signal })).toMatchObject({ kind: 'directory' })
      expect(await source.stat(at('image/empty'), { signal })).toMatchObject({ kind: 'file', size: 0 })
      expect(file.cid?.toString()).toBe(cids.get('image/large')!.toString())
      expect(directory.cid?.toString()).toBe(cids.get('image')!.toString())
    })

    test.each(['nothing', 'image/nothing', 'image/one/below', 'nothing/below', 'image/large/x/y'])(
      'says that nothing is at %s',
      async (path) => {
        const absent = expect.objectContaining({ code: 'CONTENT_NOT_FOUND' })
        await expect(source.open(at(path), { signal })).rejects.toEqual(absent)
        await expect(source.stat(at(path), { signal })).rejects.toEqual(absent)
        if (lists) await expect(source.list(at(path), { signal, limit: 10 })).rejects.toEqual(absent)
      },
    )

    test('says that nothing is at an absent entry of a sharded directory', async () => {
      await expect(source.open(at('many/absent', sharded), { signal })).rejects.toMatchObject({
        code: 'CONTENT_NOT_FOUND',
      })
    })

    test('does not open a directory', async () => {
      for (const path of ['image', '']) {
        await expect(source.open(at(path), { signal })).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
      }
      await expect(source.open(at('many', sharded), { signal })).rejects.toMatchObject({
        code: 'CONTENT_NOT_FOUND',
      })
    })

    test('says of a root that nobody has that it is not available', async () => {
      const root = CID.parse('bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi')
      for (const segments of [[], ['a']]) {
        const failure = await source.open({ root, segments }, { signal }).catch((error: unknown) => error)
        expect(failure).toBeInstanceOf(Failure)
        expect(['CONTENT_UNAVAILABLE', 'CONTENT_TIMEOUT']).toContain((failure as Failure).code)
      }
    })

    if (lists) {
      test('lists a directory', async () => {
        const entries = await source.list(at('image'), { signal, limit: 100 })
        expect(entries.map((entry) => entry.name).sort()).toEqual(
          ['empty', 'index.json', 'large', 'one', 'zeros', 'ä b+c%25?#'].sort(),
        )
        const one = entries.find((entry) => entry.name === 'one')
        expect(one?.cid?.toString()).toBe(tree().cids.get('image/one')!.toString())
      })

      test('lists a sharded directory, up to a limit', async () => {
        const all = await source.list(at('many', sharded), { signal, limit: 100_000 })
        expect(new Set(all.map((entry) => entry.name)).size).toBe(MANY)
        const some = await source.list(at('many', sharded), { signal, limit: 700 })
        // A Kubo gives the parts of a shard in the order in which it finds them.
        expect(new Set(some.map((entry) => entry.name)).size).toBe(700)
        expect(some.every(({ name }) => all.some((entry) => entry.name === name))).toBe(true)
      })

      test('does not list a file', async () => {
        await expect(source.list(at('image/one'), { signal, limit: 10 })).rejects.toMatchObject({
          code: 'CONTENT_NOT_FOUND',
        })
      })
    }

    test('rejects with the reason of an abort that came before', async () => {
      const aborted = AbortSignal.abort(new Error('gone'))
      await expect(source.open(at('image/large'), { signal: aborted })).rejects.toThrow('gone')
      await expect(source.stat(at('image/large'), { signal: aborted })).rejects.toThrow('gone')
    })

    test('ends a body when its signal is aborted', async () => {
      const leaving = new AbortController()
      const opened = await source.open(at('image/large'), { signal: leaving.signal })
      const pieces = opened.body[Symbol.asyncIterator]()
      expect((await pieces.next()).done).toBe(false)
      leaving.abort(new Error('gone'))
      await expect(toTheEnd(pieces)).rejects.toThrow('gone')
    })

    test('ends a body whose reader leaves, before or after its first piece', async () => {
      const never = await source.open(at('image/large'), { signal })
      await never.body[Symbol.asyncIterator]().return?.()
      const opened = await source.open(at('image/large'), { signal })
      for await (const piece of opened.body) {
        expect(piece.byteLength).toBeGreaterThan(0)
        break
      }
      expect((await read(at('image/large'))).equals(LARGE)).toBe(true)
    })

    test('lets a reader leave, or its signal be aborted, while nothing comes', async () => {
      if (under.stallAfter === undefined) return
      under.stallAfter(700_000)
      const leaving = new AbortController()
      const abandoned = await source.open(at('image/large'), { signal })
      const left = abandoned.body[Symbol.asyncIterator]()
      const ended = toTheEnd(left).catch(() => undefined)
      await left.return?.()
      await ended
      const opened = await source.open(at('image/large'), { signal: leaving.signal })
      const aborted = toTheEnd(opened.body[Symbol.asyncIterator]())
      leaving.abort(new Error('gone'))
      await expect(aborted).rejects.toThrow('gone')
    })

    test('takes no more from where it reads than a slow reader needs', async () => {
      if (under.bytesSent === undefined) return
      const before = under.bytesSent()
      const opened = await source.open(at('huge', huge), { signal })
      const pieces = opened.body[Symbol.asyncIterator]()
      await pieces.next()
      await settled(under.bytesSent)
      // What the two ends of a socket hold is several MB on some systems.
      expect(under.bytesSent() - before).toBeLessThan(24 * 1024 * 1024)
      await pieces.return?.()
    })

    test('gives pieces of 2 MiB at most, and whole ones to many readers at once', async () => {
      const bodies = await Promise.all(
        Array.from({ length: 8 }, () => source.open(at('image/large'), { signal })),
      )
      const read = await Promise.all(bodies.map((opened) => collect(opened)))
      for (const bytes of read) expect(bytes.equals(LARGE)).toBe(true)
    })

    test('says whether it answers', async () => {
      expect(await source.healthy(signal)).toBe(true)
      expect(await source.healthy(AbortSignal.abort())).toBe(false)
    })
  })
}

/** All bytes of a body, which must come in pieces that are not empty and not larger than 2 MiB. */
export async function collect(opened: OpenedFile): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of opened.body) {
    if (piece.byteLength === 0 || piece.byteLength > 2 * 1024 * 1024) {
      throw new Error(`a piece of ${piece.byteLength} bytes`)
    }
    pieces.push(Buffer.from(piece))
  }
  return Buffer.concat(pieces)
}

async function toTheEnd(pieces: AsyncIterator<Uint8Array>): Promise<void> {
  for (;;) {
    if ((await pieces.next()).done === true) return
  }
}

/** Wait until a number has stopped to grow. */
async function settled(count: () => number): Promise<void> {
  for (let last = -1, same = 0; same < 5;) {
    await new Promise((resolve) => setTimeout(resolve, 40))
    same = count() === last ? same + 1 : 0
    last = count()
  }
}
