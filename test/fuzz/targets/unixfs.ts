import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import type { CID } from 'multiformats/cid'
import { walkDag } from '../../../src/content/dag/walk.ts'
import { directoryEntries, directoryRoot, takeEntries } from '../../../src/content/unixfs/directory.ts'
import { fileBytes, fileRoot } from '../../../src/content/unixfs/file.ts'
import { directoryEntry } from '../../../src/content/unixfs/path.ts'
import type { Failure } from '../../../src/errors.ts'
import { memoryBlocks } from '../../fixtures/served-blocks.ts'
import { build, DagBlocks, specs, type Spec } from '../inputs/dags.ts'
import { hamtOf } from '../inputs/hamt.ts'
import { law } from '../law.ts'
import { pureTarget } from '../target.ts'
import { naiveFile } from '../unixfs-model.ts'
import { attemptLater, refused } from '../verdict.ts'

const { signal } = new AbortController()
const UNSOUND = ['CONTENT_NOT_FOUND', 'CONTENT_UNAVAILABLE', 'CONTENT_TOO_LARGE', 'CONTENT_INVALID'] as const
const readAhead = fc.constantFrom(1, 8)
const position = fc.nat({ max: 80 })

/** Wide and deep DAGs of few blocks: each level has `width` links to the one below. */
const bombs = fc.record(
  {
    kind: fc.constantFrom('file', 'empty file', 'shard'),
    width: fc.integer({ min: 1, max: 40 }),
    depth: fc.integer({ min: 1, max: 60 }),
    range: fc.tuple(position, position),
  },
  { noNullPrototype: true },
)

/** Files, folders and shards, made of blocks that are what their CIDs say and else anything. */
export const unixfs = pureTarget('unixfs', 400, [
  law('a file is what its blocks say, or an error', fc.tuple(specs, readAhead), async ([spec, ahead]) => {
    const { blocks, cid } = made(spec)
    const whole = await attemptLater(() => read(blocks, cid, undefined, ahead), ...UNSOUND)
    const naive = tryNaive(blocks, cid)
    if (refused(whole)) ok(naive === undefined || isStricter(whole), `refused: ${whole.message}`)
    else equal(naive, whole.toString('hex'))
  }),
  law(
    'a part of a file is that part of its bytes',
    fc.tuple(specs, position, position, readAhead),
    async ([spec, a, b, ahead]) => {
      const { blocks, cid } = made(spec)
      const range = { start: Math.min(a, b), end: Math.max(a, b) }
      const part = await attemptLater(() => read(blocks, cid, range, ahead), ...UNSOUND)
      const naive = tryNaive(blocks, cid)
      if (naive === undefined) return
      if (refused(part)) return void ok(isStricter(part), `refused: ${part.message}`)
      equal(part.toString('hex'), Buffer.from(naive, 'hex').subarray(range.start, range.end).toString('hex'))
    },
  ),
  law('what a folder lists can be looked up, and nothing else', specs, async (spec) => {
    const { blocks, cid } = made(spec)
    const listed = await attemptLater(() => list(blocks, cid), ...UNSOUND)
    if (refused(listed)) return
    if (spec.kind === 'folder') {
      const first = new Map<string, CID | undefined>()
      for (const entry of listed) if (!first.has(entry.name)) first.set(entry.name, entry.cid)
      for (const [name, wanted] of first) {
        // A path has no empty segments, and what is no UTF-8 can't be asked for.
        if (name === '' || name.includes('\ufffd')) continue
        equal((await directoryEntry(blocks, cid, name, { signal }))?.toString(), wanted?.toString())
      }
    }
    const absent = await attemptLater(
      () => directoryEntry(blocks, cid, 'surely not there', { signal }),
      ...UNSOUND,
    )
    ok(absent === undefined || refused(absent))
  }),
  law(
    'a sharded folder has all its names and no others',
    fc.tuple(
      fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { maxLength: 40 }),
      fc.constantFrom(2, 8, 16, 256, 1024),
    ),
    async ([named, fanout]) => {
      const names = named.filter((name) => Buffer.from(name).toString() === name)
      const { blocks, cid } = made(await hamtOf(names, fanout))
      const listed = await list(blocks, cid)
      deepEqual(listed.map(({ name }) => name).sort(), [...names].sort())
      for (const name of names) {
        const found = await directoryEntry(blocks, cid, name, { signal })
        equal(Buffer.from(blocks.all.get(found?.toString() ?? '') ?? []).toString(), name)
      }
      equal(await directoryEntry(blocks, cid, 'surely not there', { signal }), undefined)
    },
    { share: 0.3 },
  ),
  law(
    'a DAG is sent whole and each block once, or not at all',
    fc.tuple(specs, fc.constantFrom('block', 'entity', 'all'), position, position),
    async ([spec, scope, a, b]) => {
      const { blocks, cid } = made(spec)
      const range =
        scope === 'entity' ? { range: () => ({ start: Math.min(a, b), end: Math.max(a, b) }) } : {}
      const sent = await attemptLater(() => walked(blocks, cid, { scope, dups: false, ...range }), ...UNSOUND)
      if (refused(sent)) return
      equal(new Set(sent).size, sent.length)
      ok(sent.every((one) => blocks.all.has(one)))
      if (scope === 'block') ok(sent.length <= 1)
    },
  ),
  law(
    'few blocks are few blocks, however often they are named',
    bombs,
    async ({ kind, width, depth, range: [a, b] }) => {
      const blocks = new DagBlocks(20_000)
      const { cid, size } = build(bombOf(kind, width, depth), blocks)
      const range = { start: Math.min(a, b), end: Math.max(a, b) }
      if (kind === 'shard') await attemptLater(() => list(blocks, cid), ...UNSOUND)
      else if (Number.isSafeInteger(size)) await attemptLater(() => read(blocks, cid, range, 8), ...UNSOUND)
      for (const scope of ['entity', 'all'] as const) {
        await attemptLater(
          () =>
            walked(blocks, cid, { scope, dups: false, ...(scope === 'all' ? {} : { range: () => range }) }),
          ...UNSOUND,
        )
      }
    },
    { share: 0.1, kept: [{ kind: 'shard', width: 6, depth: 6, range: [0, 0] }] },
  ),
])

function made(spec: Spec): { blocks: DagBlocks; cid: CID } {
  const blocks = new DagBlocks()
  return { blocks, cid: build(spec, blocks).cid }
}

function bombOf(kind: string, width: number, depth: number): Spec {
  const bytes = Buffer.from(kind === 'file' ? 'x' : '')
  let spec: Spec =
    kind === 'shard' ? { kind, fanout: 256, hashType: 0x22, links: [] } : { kind: 'raw', bytes }
  for (let level = 0; level < depth; level++) {
    const below: Spec = spec
    const all = Array.from({ length: width }, (_, at) => at)
    spec =
      kind === 'shard'
        ? {
            kind,
            fanout: 256,
            hashType: 0x22,
            links: all.map((at) => [at.toString(16).toUpperCase().padStart(2, '0'), below]),
          }
        : { kind: 'file', data: new Uint8Array(), parts: all.map(() => ({ spec: below, lie: 0 })) }
  }
  return spec
}

async function read(
  blocks: DagBlocks,
  cid: CID,
  range: { start: number; end: number } | undefined,
  ahead: number,
): Promise<Buffer> {
  const root = fileRoot(cid, await blocks.get(cid), 'it')
  const { size } = root.node
  const clamped = { start: Math.min(range?.start ?? 0, size), end: Math.min(range?.end ?? size, size) }
  const pieces: Uint8Array[] = []
  for await (const piece of fileBytes(blocks, root, clamped, { signal, readAhead: ahead })) {
    pieces.push(Uint8Array.from(piece))
  }
  return Buffer.concat(pieces)
}

async function list(blocks: DagBlocks, cid: CID): Promise<{ name: string; cid: CID | undefined }[]> {
  const root = directoryRoot(cid, await blocks.get(cid), 'it')
  return takeEntries(directoryEntries(blocks, root, { signal, readAhead: 1 }), 10_000)
}

async function walked(blocks: DagBlocks, cid: CID, query: Parameters<typeof walkDag>[2]): Promise<string[]> {
  const held = memoryBlocks(blocks.all).reader()
  const counting = { ...held, get: (one: CID) => blocks.get(one) }
  const sent: string[] = []
  for await (const block of walkDag(counting, { path: [], cid }, query, signal))
    sent.push(block.cid.toString())
  return sent
}

function tryNaive(blocks: DagBlocks, cid: CID): string | undefined {
  try {
    return Buffer.from(naiveFile(blocks.all, cid)).toString('hex')
  } catch {
    return undefined
  }
}

/** Refusals of what a naive reader takes: numbers that a node states of itself besides those of its parts. */
function isStricter({ message }: Failure): boolean {
  return /it says it has|absurd|RangeError|varint|without data/i.test(message)
}
