import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { Agent } from 'undici'
import type { ErrorCode } from '../../src/errors.ts'
import { createGatewaySource } from '../../src/content/gateway/source.ts'
import type { ContentPath, ContentSource } from '../../src/content/source.ts'
import { type ContentTree, DAG_SHAPES, importTree, patternBytes } from '../fixtures/content-tree.ts'
import { patienceFor, type GatewayFaults } from '../fixtures/gateway-faults.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'

/*
 * Whatever a gateway does wrong is found before a wrong byte is passed on, and said by the right name.
 */

const { signal } = new AbortController()
const LARGE = patternBytes(5 * 1024 * 1024 + 77, 3)
const dispatcher = new Agent()
let tree: ContentTree
let gateway: TrustlessGateway
let source: ContentSource

beforeAll(async () => {
  tree = await importTree({
    'image/index.json': Buffer.from('{"schemaVersion":2}'),
    'image/large': LARGE,
    'image/zeros': new Uint8Array(3 * 1024 * 1024),
  })
  gateway = await startTrustlessGateway(tree)
})
afterEach(() => {
  gateway.faults = undefined
  gateway.formats = new Set(['car', 'raw'])
  gateway.requests.length = 0
})
afterAll(async () => {
  await dispatcher.destroy()
  await gateway.close()
})

function newSource(): ContentSource {
  return createGatewaySource({
    name: 'gateway:test',
    baseUrl: gateway.url,
    dispatcher,
    ...patienceFor(gateway.faults),
  })
}

function at(path: string): ContentPath {
  return { root: tree.root, segments: path.split('/') }
}

/** The bytes that were passed on before the failure, and its code. */
async function outcome(path: string, faults: GatewayFaults, range?: { start: number; end: number }) {
  gateway.faults = faults
  source = newSource()
  const pieces: Uint8Array[] = []
  try {
    const opened = await source.open(at(path), range === undefined ? { signal } : { signal, range })
    for await (const piece of opened.body) pieces.push(Buffer.from(piece))
    return { code: undefined, bytes: Buffer.concat(pieces), message: '' }
  } catch (error) {
    const { code, message } = error as { code: ErrorCode; message: string }
    return { code, bytes: Buffer.concat(pieces), message }
  }
}

/** Blocks of the answer for image/large: two directories, the file's root, six leaves. */
const BLOCKS = [0, 1, 2, 3, 4, 5, 6, 7, 8]
const LAST = 8

const LIES: [string, GatewayFaults, ErrorCode][] = [
  ...BLOCKS.map((n): [string, GatewayFaults, ErrorCode] => [
    `a flipped bit in block ${n}`,
    { flipBlock: n },
    'CONTENT_INVALID',
  ]),
  ...BLOCKS.map((n): [string, GatewayFaults, ErrorCode] => [
    `no block ${n}`,
    { missingBlock: n },
    n === LAST ? 'CONTENT_UNAVAILABLE' : 'CONTENT_INVALID',
  ]),
  ...[...BLOCKS, LAST + 1].map((n): [string, GatewayFaults, ErrorCode] => [
    `a foreign block in front of block ${n}`,
    { extraBlock: n },
    'CONTENT_INVALID',
  ]),
  ...BLOCKS.slice(0, -1).map((n): [string, GatewayFaults, ErrorCode] => [
    `blocks ${n} and ${n + 1} swapped`,
    { swapBlocks: n },
    'CONTENT_INVALID',
  ]),
  ...BLOCKS.map((n): [string, GatewayFaults, ErrorCode] => [
    `block ${n} twice`,
    { repeatBlock: n },
    'CONTENT_INVALID',
  ]),
  ['a foreign root', { wrongRoot: true }, 'CONTENT_INVALID'],
  [
    'the CAR of an absent path',
    { emptyCar: true, when: ({ format }) => format === 'car' },
    'CONTENT_INVALID',
  ],
  ['a web page', { html: true }, 'CONTENT_INVALID'],
  ['bytes behind the CAR', { lengthen: 100 }, 'CONTENT_INVALID'],
  ...[0, 1, 20, 59, 60, 70, 200, 1000, 1_000_000, 2_097_152, 5_200_000].flatMap(
    (n): [string, GatewayFaults, ErrorCode][] => [
      [`a clean end after ${n} bytes`, { cutAfter: n }, 'CONTENT_UNAVAILABLE'],
      [`a reset after ${n} bytes`, { cutAfter: n, cut: 'reset' }, 'CONTENT_UNAVAILABLE'],
      [`silence after ${n} bytes`, { stallAfter: n }, 'CONTENT_TIMEOUT'],
    ],
  ),
  ['no head', { slowHead: 10_000 }, 'CONTENT_TIMEOUT'],
  ...[403, 410, 429, 451, 500, 502, 503].map((status): [string, GatewayFaults, ErrorCode] => [
    `status ${status}`,
    { status },
    'CONTENT_UNAVAILABLE',
  ]),
  ...[400, 404, 406, 415, 501].map((status): [string, GatewayFaults, ErrorCode] => [
    `status ${status} for everything`,
    { status },
    'CONTENT_UNAVAILABLE',
  ]),
  ['status 504', { status: 504 }, 'CONTENT_TIMEOUT'],
  ['a redirect', { status: 302, headers: { location: 'http://example.test/' } }, 'CONTENT_UNAVAILABLE'],
]

describe('a gateway that gives CARs', () => {
  test.each(LIES)('%s', async (_, faults, code) => {
    const whole = await outcome('image/large', { ...faults })
    expect(whole.code).toBe(code)
    expect(whole.bytes.equals(LARGE.subarray(0, whole.bytes.byteLength))).toBe(true)
    expect(whole.bytes.byteLength).toBeLessThan(LARGE.byteLength)
    expect(whole.message).toContain('gateway:test')
  })

  test.each(LIES.filter(([, { stallAfter = 1_000_000 }]) => stallAfter === 1_000_000))(
    'in a range: %s',
    async (_, faults) => {
      // Bytes of the fourth and fifth leaf; blocks of the answer: 0 to 2 as above, then these two.
      const range = { start: 3_200_000, end: 4_300_000 }
      const part = await outcome('image/large', { ...faults }, range)
      const right = LARGE.subarray(range.start, range.end)
      expect(part.bytes.equals(right.subarray(0, part.bytes.byteLength))).toBe(true)
      if (part.code === undefined) expect(part.bytes.byteLength).toBe(right.byteLength)
    },
  )

  test.each(LIES.filter(([, faults]) => Object.values(faults).every((n) => typeof n !== 'number' || n < 2)))(
    'for an index.json: %s',
    async (_, faults, code) => {
      const small = await outcome('image/index.json', { ...faults })
      expect(small.code).toBe(code)
      expect(small.bytes).toHaveLength(0)
    },
  )

  test.each(['y', 'n', 'unsaid'] as const)('a flipped bit in a repeated block, repeats: %s', async (dups) => {
    gateway.dups = dups
    const zeros = await outcome('image/zeros', { flipBlock: 3 })
    gateway.dups = 'y'
    expect(zeros.code).toBe('CONTENT_INVALID')
    expect(zeros.bytes).toHaveLength(0)
  })

  test('takes Retry-After from a refusal, within bounds', async () => {
    for (const [said, taken] of [
      ['7', 7],
      ['100000', 300],
      ['soon', 5],
    ] as const) {
      gateway.faults = { status: 429, headers: { 'retry-after': said } }
      await expect(newSource().open(at('image/large'), { signal })).rejects.toMatchObject({
        retryAfter: taken,
      })
    }
  })

  test('does not count a slow reader as a stall', async () => {
    const opened = await newSource().open(at('image/large'), { signal })
    const pieces: Uint8Array[] = []
    for await (const piece of opened.body) {
      pieces.push(new Uint8Array(piece))
      if (pieces.length === 2) await new Promise((resolve) => setTimeout(resolve, 600))
    }
    expect(Buffer.concat(pieces).equals(LARGE)).toBe(true)
  })

  test('lies about a directory, to stat and list', async () => {
    for (const faults of [
      { flipBlock: 0 },
      { flipBlock: 1 },
      { swapBlocks: 0 },
      { wrongRoot: true },
      { html: true },
    ]) {
      gateway.faults = faults
      const invalid = { code: 'CONTENT_INVALID' }
      await expect(newSource().stat(at('image'), { signal })).rejects.toMatchObject(invalid)
      await expect(newSource().list(at('image'), { signal, limit: 10 })).rejects.toMatchObject(invalid)
    }
  })
})

describe('absence', () => {
  test('is proved by the blocks of directories where the CAR is empty', async () => {
    await expect(newSource().open(at('image/none'), { signal })).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      detail: { missing: 1 },
    })
    expect(gateway.requests.map(({ format }) => format)).toEqual(['car', 'raw', 'raw'])
  })

  test('costs nothing once the directory is known', async () => {
    const known = newSource()
    await known.stat(at('image/index.json'), { signal })
    gateway.requests.length = 0
    for (const path of ['image/none', 'none', 'none/below']) {
      await expect(known.open(at(path), { signal })).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    }
    expect(gateway.requests).toHaveLength(0)
  })

  test.each([404, 410, 451])('is not believed of a status %i', async (status) => {
    gateway.faults = { status }
    await expect(newSource().open(at('image/none'), { signal })).rejects.toMatchObject({
      code: 'CONTENT_UNAVAILABLE',
    })
  })

  test('is not proved by flipped directories', async () => {
    gateway.faults = { flipBlock: 0, when: ({ format }) => format === 'raw' }
    await expect(newSource().open(at('image/none'), { signal })).rejects.toMatchObject({
      code: 'CONTENT_INVALID',
    })
  })
})

describe('a gateway that gives single blocks only', () => {
  test.each([
    ['a flipped bit', { flipBlock: 0 }, 'CONTENT_INVALID'],
    ['a web page', { html: true }, 'CONTENT_INVALID'],
    ['bytes behind the block', { lengthen: 100 }, 'CONTENT_INVALID'],
    ['more bytes than a block has', { lengthen: 3_000_000 }, 'CONTENT_INVALID'],
    ['a clean end', { cutAfter: 30 }, 'CONTENT_INVALID'],
    ['a reset', { cutAfter: 30, cut: 'reset' }, 'CONTENT_UNAVAILABLE'],
    ['silence', { stallAfter: 30 }, 'CONTENT_TIMEOUT'],
    ['status 404', { status: 404 }, 'CONTENT_UNAVAILABLE'],
  ] as [string, GatewayFaults, ErrorCode][])('%s, in each block', async (_, faults, code) => {
    gateway.formats = new Set(['raw'])
    const sorts = [tree.root, tree.cids.get('image')!, tree.cids.get('image/large')!]
    const leaf = [...tree.blocks].find(([, bytes]) =>
      LARGE.subarray(0, 1024 * 1024).every((byte, at) => byte === bytes[at]),
    )![0]
    for (const cid of [...sorts.map(String), leaf]) {
      const blocks = await outcome('image/large', {
        ...faults,
        when: ({ format, path }) => format === 'raw' && path === `/ipfs/${cid}`,
      })
      expect([cid, blocks.code]).toEqual([cid, code])
      expect(blocks.bytes.equals(LARGE.subarray(0, blocks.bytes.byteLength))).toBe(true)
    }
  })

  test('is asked for a CAR again only after a while', async () => {
    gateway.formats = new Set(['raw'])
    const known = newSource()
    for (let round = 0; round < 3; round++) {
      const opened = await known.open(at('image/index.json'), { signal })
      for await (const piece of opened.body) expect(piece.byteLength).toBe(19)
    }
    expect(gateway.requests.filter(({ format }) => format === 'car')).toHaveLength(1)
  })

  test('is read with few requests ahead of a reader who leaves', async () => {
    gateway.formats = new Set(['raw'])
    const opened = await newSource().open(at('image/large'), { signal })
    for await (const piece of opened.body) {
      expect(piece.byteLength).toBe(1024 * 1024)
      break
    }
    expect(gateway.requests.length).toBeLessThan(4 + 8)
  })
})

test('every shape of file comes whole in one request', async () => {
  for (const shape of Object.values(DAG_SHAPES)) {
    const shaped = await importTree({ 'a/file': LARGE }, shape)
    gateway.add(shaped)
    gateway.requests.length = 0
    const opened = await newSource().open({ root: shaped.root, segments: ['a', 'file'] }, { signal })
    const pieces: Uint8Array[] = []
    for await (const piece of opened.body) pieces.push(new Uint8Array(piece))
    expect(Buffer.concat(pieces).equals(LARGE)).toBe(true)
    expect(gateway.requests).toHaveLength(1)
  }
})
