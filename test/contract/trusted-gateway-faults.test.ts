import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { Agent } from 'undici'
import type { ContentPath, ContentSource } from '../../src/content/source.ts'
import { createTrustedGatewaySource } from '../../src/content/trusted-gateway/source.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { type ContentTree, importTree, patternBytes } from '../fixtures/content-tree.ts'
import { patienceFor, type GatewayFaults } from '../fixtures/gateway-faults.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'
import { collect } from './content-source.ts'

const { signal } = new AbortController()
const LARGE = patternBytes(3 * 1024 * 1024 + 5, 9)
const dispatcher = new Agent()
let tree: ContentTree
let gateway: TrustlessGateway

beforeAll(async () => {
  tree = await importTree({ 'image/large': LARGE, 'image/page': Buffer.from('<!DOCTYPE html><p>a blob') })
  gateway = await startTrustlessGateway(tree)
})
afterEach(() => {
  gateway.faults = undefined
  gateway.formats = new Set(['car', 'raw', ''])
  gateway.requests.length = 0
})
afterAll(async () => {
  await dispatcher.destroy()
  await gateway.close()
})

function newSource(): ContentSource {
  return createTrustedGatewaySource({
    name: 'trusted-gateway:test',
    baseUrl: `${gateway.url}/`,
    dispatcher,
    ...patienceFor(gateway.faults),
  })
}

function at(path: string): ContentPath {
  return { root: tree.root, segments: path.split('/') }
}

const FAULTS: [string, GatewayFaults, ErrorCode][] = [
  ['a reset', { cutAfter: 1_000_000, cut: 'reset' }, 'CONTENT_UNAVAILABLE'],
  ['silence', { stallAfter: 1_000_000 }, 'CONTENT_TIMEOUT'],
  ['no head', { slowHead: 60_000 }, 'CONTENT_TIMEOUT'],
  ['a web page', { html: true }, 'CONTENT_UNAVAILABLE'],
  ['status 429', { status: 429 }, 'CONTENT_UNAVAILABLE'],
  ['status 451', { status: 451 }, 'CONTENT_UNAVAILABLE'],
  ['status 500', { status: 500 }, 'CONTENT_UNAVAILABLE'],
  ['status 504', { status: 504 }, 'CONTENT_TIMEOUT'],
  [
    'a redirect elsewhere',
    { status: 302, headers: { location: 'http://example.test/' } },
    'CONTENT_UNAVAILABLE',
  ],
]

describe('what can be known of deserialised bytes', () => {
  test.each(FAULTS)('%s', async (_, faults, code) => {
    gateway.faults = faults
    const pieces: Uint8Array[] = []
    const read = async (): Promise<void> => {
      const opened = await newSource().open(at('image/large'), { signal })
      for await (const piece of opened.body) pieces.push(Buffer.from(piece))
    }
    await expect(read()).rejects.toMatchObject({ code })
    const bytes = Buffer.concat(pieces)
    expect(bytes.equals(LARGE.subarray(0, bytes.byteLength))).toBe(true)
  })

  test('the size that a wrong length says is what whoever knows better compares', async () => {
    for (const faults of [{ cutAfter: 1000 }, { lengthen: 1000 }]) {
      gateway.faults = faults
      const opened = await newSource().open(at('image/large'), { signal })
      expect(opened.size).toBe((await collect(opened)).byteLength)
      expect(opened.size).not.toBe(LARGE.byteLength)
    }
  })
})

describe('absence', () => {
  test('is believed of a directory that is there', async () => {
    await expect(newSource().open(at('image/none'), { signal })).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      detail: { missing: 1 },
    })
    expect(gateway.requests.map(({ url }) => url.split('/').at(-1))).toEqual(['none', 'image'])
  })

  test('is not believed where the gateway does not have the directory', async () => {
    // As of a Kubo without network, word for word.
    gateway.faults = {
      status: 404,
      text: `failed to resolve: no link named "large" under ${tree.root.toString()}`,
    }
    await expect(newSource().open(at('image/large'), { signal })).rejects.toMatchObject({
      code: 'CONTENT_UNAVAILABLE',
    })
    expect(gateway.requests).toHaveLength(3)
  })

  test('is not believed where the gateway says that it lacks content', async () => {
    gateway.faults = { status: 404, text: 'block was not found locally (offline): ipld: could not find bafy' }
    await expect(newSource().open(at('image/large'), { signal })).rejects.toMatchObject({
      code: 'CONTENT_UNAVAILABLE',
    })
    expect(gateway.requests).toHaveLength(1)
  })
})

test('a file that is a web page is a file', async () => {
  const opened = await newSource().open(at('image/page'), { signal })
  expect((await collect(opened)).toString()).toContain('a blob')
})

test('a gateway that knows no ranges gives parts all the same', async () => {
  gateway.knowsRanges = false
  for (const range of [
    { start: 0, end: 10 },
    { start: 1_000_000, end: 1_000_010 },
    { start: 1_000_000, end: LARGE.byteLength },
  ]) {
    const opened = await newSource().open(at('image/large'), { signal, range })
    expect(opened.size).toBe(LARGE.byteLength)
    expect((await collect(opened)).equals(LARGE.subarray(range.start, range.end))).toBe(true)
  }
  gateway.knowsRanges = true
})

test('a gateway that gives no single blocks gives no lists', async () => {
  gateway.formats = new Set([''])
  await expect(newSource().list(at('image'), { signal, limit: 10 })).rejects.toMatchObject({
    code: 'CONTENT_UNAVAILABLE',
  })
})
