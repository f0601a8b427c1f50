import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { Agent } from 'undici'
import { createKuboSource, type KuboSourceOptions } from '../../src/content/kubo/source.ts'
import type { ContentPath, ContentSource } from '../../src/content/source.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { type ContentTree, importTree, patternBytes } from '../fixtures/content-tree.ts'
import { patienceFor, type GatewayFaults } from '../fixtures/gateway-faults.ts'
import { type KuboRpc, startKuboRpc } from '../fixtures/kubo-rpc.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'
import { collect } from './content-source.ts'

const { signal } = new AbortController()
const BLOB = patternBytes(3 * 1024 * 1024 + 5, 9)
const NAME = createHash('sha256').update(BLOB).digest('hex')
const dispatcher = new Agent()
let tree: ContentTree
let rpc: KuboRpc
let gateway: TrustlessGateway

beforeAll(async () => {
  tree = await importTree({ 'image/index.json': Buffer.from('{}'), [`image/blobs/sha256/${NAME}`]: BLOB })
  rpc = await startKuboRpc(tree)
  gateway = await startTrustlessGateway(tree)
  rpc.gatewayAddress = '/ip4/127.0.0.1/tcp/1'
})
afterEach(() => {
  rpc.faults = undefined
  gateway.faults = undefined
  rpc.requests.length = 0
  gateway.requests.length = 0
})
afterAll(async () => {
  await dispatcher.destroy()
  await rpc.close()
  await gateway.close()
})

function newSource(options: Partial<KuboSourceOptions> = {}): ContentSource {
  return createKuboSource({
    name: 'kubo',
    rpcUrl: rpc.url,
    dispatcher,
    headers: { authorization: 'Bearer secret' },
    ...patienceFor(rpc.faults),
    ...options,
  })
}

function at(path: string): ContentPath {
  return { root: tree.root, segments: path.split('/') }
}
const blob = (): ContentPath => at(`image/blobs/sha256/${NAME}`)

async function outcome(faults: GatewayFaults, range?: { start: number; end: number }) {
  rpc.faults = faults
  const pieces: Uint8Array[] = []
  try {
    const opened = await newSource().open(blob(), range === undefined ? { signal } : { signal, range })
    for await (const piece of opened.body) pieces.push(Buffer.from(piece))
    return { code: undefined, bytes: Buffer.concat(pieces), message: '' }
  } catch (error) {
    const { code, message } = error as { code: ErrorCode; message: string }
    return { code, bytes: Buffer.concat(pieces), message }
  }
}

describe('what can be known of a cat', () => {
  const FAULTS: [string, GatewayFaults, ErrorCode][] = [
    ['a clean end', { cutAfter: 1_000_000 }, 'CONTENT_UNAVAILABLE'],
    ['a clean end at once', { cutAfter: 0 }, 'CONTENT_UNAVAILABLE'],
    ['a reset', { cutAfter: 1_000_000, cut: 'reset' }, 'CONTENT_UNAVAILABLE'],
    ['silence', { stallAfter: 1_000_000 }, 'CONTENT_TIMEOUT'],
    ['too many bytes', { lengthen: 10 }, 'CONTENT_INVALID'],
    ['no head', { slowHead: 60_000 }, 'CONTENT_TIMEOUT'],
    ['something else at the address', { html: true }, 'CONTENT_UNAVAILABLE'],
    ['no RPC', { status: 404, text: '404 page not found' }, 'CONTENT_UNAVAILABLE'],
    ['credentials are missing', { status: 403, text: '403 - Forbidden' }, 'CONTENT_UNAVAILABLE'],
    [
      'an unknown error',
      { status: 500, text: '{"Message":"oh no","Code":0,"Type":"error"}' },
      'CONTENT_UNAVAILABLE',
    ],
    ['a late one', { status: 500, text: '{"Message":"context deadline exceeded"}' }, 'CONTENT_TIMEOUT'],
  ]
  test.each(FAULTS)('%s', async (_, faults, code) => {
    const whole = await outcome({ ...faults })
    expect(whole.code).toBe(code)
    expect(whole.message).toContain('kubo')
    expect(whole.bytes.equals(BLOB.subarray(0, whole.bytes.byteLength))).toBe(true)
    expect(whole.bytes.byteLength).toBeLessThan(BLOB.byteLength)
  })

  test.each(FAULTS)('in a range: %s', async (_, faults, code) => {
    const part = await outcome(
      { ...faults, when: ({ format }) => format === 'cat' },
      { start: 500_000, end: 3_000_000 },
    )
    expect(part.code).toBe(code)
    expect(part.bytes.byteLength).toBeLessThan(2_500_000)
  })

  test('says why the node broke off', async () => {
    const { message } = await outcome({ cutAfter: 1_000_000 })
    expect(message).toMatch(/block was not found locally/)
  })
})

describe('what a node is asked', () => {
  test('one request for a whole file, and for its end; two for a part whose file is not known', async () => {
    const source = newSource()
    await collect(await newSource().open(blob(), { signal }))
    await collect(await newSource().open(blob(), { signal, range: { start: 9, end: BLOB.byteLength } }))
    await collect(
      await newSource().open(blob(), { signal, range: { start: 9, end: Number.MAX_SAFE_INTEGER } }),
    )
    expect(rpc.requests.map(({ command }) => command)).toEqual(['cat', 'cat', 'cat'])
    rpc.requests.length = 0
    for (let round = 0; round < 3; round++) {
      await collect(await source.open(blob(), { signal, range: { start: 9, end: 100 } }))
    }
    expect(rpc.requests.map(({ command }) => command)).toEqual(['cat', 'files/stat', 'cat', 'cat'])
    expect(rpc.requests.every(({ headers }) => headers.authorization === 'Bearer secret')).toBe(true)
  })
})

describe("the node's own gateway", () => {
  const urlOf = (): string => gateway.url

  test('gives whole blobs, and nothing else', async () => {
    const source = newSource({ gatewayUrlOf: urlOf })
    const whole = await source.open(blob(), { signal })
    expect((await collect(whole)).equals(BLOB)).toBe(true)
    expect(gateway.requests.filter(({ url }) => url.endsWith(NAME))).toHaveLength(1)
    expect(gateway.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true)
    const { length } = gateway.requests
    await collect(await source.open(at('image/index.json'), { signal }))
    await collect(await source.open(blob(), { signal, range: { start: 1, end: 100 } }))
    expect(gateway.requests).toHaveLength(length)
    expect(rpc.requests.map(({ command }) => command)).toEqual(['config', 'cat', 'cat', 'files/stat'])
  })

  test.each([
    ['is not reached', { status: 502 }],
    ['is a web page', { html: true }],
    ['is mute', { slowHead: 60_000 }],
    [
      'says that nothing is there',
      { status: 404, when: ({ path }: { path: string }) => path.endsWith(NAME) },
    ],
  ] as [string, GatewayFaults][])('is not needed where it %s', async (_, faults) => {
    gateway.faults = faults
    const opened = await newSource({ gatewayUrlOf: urlOf }).open(blob(), { signal })
    expect((await collect(opened)).equals(BLOB)).toBe(true)
  })

  test('is looked for once, not for every blob', async () => {
    gateway.faults = { status: 502 }
    const source = newSource({ gatewayUrlOf: urlOf })
    for (let round = 0; round < 3; round++) await collect(await source.open(blob(), { signal }))
    expect(rpc.requests.filter(({ command }) => command === 'config')).toHaveLength(1)
  })

  test('is not used again after wrong bytes', async () => {
    gateway.faults = { flipBlock: 0, when: ({ path }) => path.endsWith(NAME) }
    const source = newSource({ gatewayUrlOf: urlOf })
    const wrong = await source.open(blob(), { signal })
    expect((await collect(wrong)).equals(BLOB)).toBe(false)
    wrong.discredit('another digest')
    const { length } = gateway.requests
    expect((await collect(await source.open(blob(), { signal }))).equals(BLOB)).toBe(true)
    expect(gateway.requests).toHaveLength(length)
  })

  test('is not looked for on our loopback when the node is elsewhere', async () => {
    const source = newSource({ gatewayUrlOf: urlOf, rpcUrl: 'http://node.test:5001', dispatcher: toRpc() })
    await collect(await source.open(blob(), { signal }))
    expect(gateway.requests).toHaveLength(0)
  })

  /** Everything to the stand-in, whatever the host. */
  function toRpc(): Agent {
    const { port } = new URL(rpc.url)
    return new Agent({
      connect: { lookup: (_host, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]) },
    }).compose(
      (dispatch) => (options, handler) =>
        dispatch({ ...options, origin: `http://127.0.0.1:${port}` }, handler),
    ) as unknown as Agent
  }
})
