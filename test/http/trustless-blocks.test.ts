import { afterEach, beforeEach, expect, test } from '@jest/globals'
import * as dagCbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { createHash } from 'node:crypto'
import { type ContentTree, importTree, patternBytes } from '../fixtures/content-tree.ts'
import { carHeader, carSection } from '../fixtures/car-bytes.ts'
import { ask, begin, errorOf, finish } from '../fixtures/raw-request.ts'
import { memoryBlocks, serveBlocks, type ServedBlocks } from '../fixtures/served-blocks.ts'

const content = patternBytes(300_000)
let tree: ContentTree
let served: ServedBlocks
let root: string
let leaf: string

beforeEach(async () => {
  tree = await importTree({ 'app/file': content, 'app/other': patternBytes(10) })
  root = tree.root.toString()
  leaf = (tree.cids.get('app/file') as CID).toString()
  served = await serveBlocks(tree.blocks)
})

afterEach(async () => {
  expect(served.defects).toEqual([])
  await served.close()
})

/** Serve the same with other settings. */
async function again(options: Parameters<typeof serveBlocks>[1], blocks = tree.blocks): Promise<void> {
  await served.close()
  served = await serveBlocks(blocks, options)
}

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  ask(served.port, path, { headers, method })

test('a block is given with everything that a cache and a client want to know', async () => {
  const answer = await get(`/ipfs/${leaf}?format=raw`)
  expect(answer.status).toBe(200)
  expect(answer.body.equals(content)).toBe(true)
  expect(answer.headers).toMatchObject({
    'content-type': 'application/vnd.ipld.raw',
    'content-length': '300000',
    'content-disposition': `attachment; filename="${leaf}.bin"`,
    'cache-control': 'public, max-age=31536000, immutable',
    'x-content-type-options': 'nosniff',
    'x-ipfs-path': `/ipfs/${leaf}`,
    'x-ipfs-roots': leaf,
    'accept-ranges': 'bytes',
    etag: `"${leaf}.raw"`,
  })
})

test('a path leads to the block of what is there', async () => {
  const answer = await get(`/ipfs/${root}/app/file/?format=raw`)
  expect(answer.body.equals(content)).toBe(true)
  const app = (tree.cids.get('app') as CID).toString()
  expect(answer.headers['x-ipfs-roots']).toBe(`${root},${app},${leaf}`)
})

test('parts of a block, suffixes, and what can not be had', async () => {
  const url = `/ipfs/${leaf}?format=raw`
  const part = async (range: string, headers = {}) => get(url, { range: `bytes=${range}`, ...headers })
  for (const [range, start, end] of [
    ['0-0', 0, 1],
    ['65530-65545', 65530, 65546],
    ['299990-', 299990, 300000],
    ['-7', 299993, 300000],
  ] as const) {
    const answer = await part(range)
    expect([range, answer.status]).toEqual([range, 206])
    expect(answer.headers['content-range']).toBe(`bytes ${start}-${end - 1}/300000`)
    expect(answer.body).toEqual(Buffer.from(content.subarray(start, end)))
  }
  const beyond = await part('300000-')
  expect([beyond.status, beyond.headers['content-range']]).toEqual([416, 'bytes */300000'])
  // One answer for several parts is not offered; all of it is as good.
  expect((await part('0-1,5-6')).body).toHaveLength(300_000)
  expect((await part('0-1', { 'if-range': `"${leaf}.raw"` })).status).toBe(206)
  expect((await part('0-1', { 'if-range': '"other"' })).status).toBe(200)
})

test('what identity CIDs stand for is in themselves', async () => {
  const empty = await get('/ipfs/bafkqaaa?format=raw')
  expect([empty.status, empty.headers['content-length']]).toEqual([200, '0'])
  expect((await get('/ipfs/bafkqaaa', { accept: 'application/vnd.ipld.raw' }, 'HEAD')).status).toBe(200)
  const car = await get('/ipfs/bafkqaaa?format=car')
  expect(car.body).toEqual(carHeader([CID.parse('bafkqaaa')]))
  const hello = await get('/ipfs/bafkqabtimvwgy3yk?format=raw')
  expect(hello.body.toString()).toBe('hello\n')
})

test('the format parameter comes before the Accept header, and the best of that is taken', async () => {
  const type = async (query: string, accept?: string) =>
    (await get(`/ipfs/${root}${query}`, accept === undefined ? {} : { accept })).headers['content-type']
  const raw = 'application/vnd.ipld.raw'
  const car = 'application/vnd.ipld.car'
  const carN = `${car}; version=1; order=dfs; dups=n`
  const carY = `${car}; version=1; order=dfs; dups=y`
  expect(await type('?format=car', raw)).toBe(carN)
  expect(await type('?format=raw', car)).toBe(raw)
  expect(await type('', raw)).toBe(raw)
  expect(await type('', `${car};order=dfs;dups=y`)).toBe(carY)
  expect(await type('', `text/html, ${raw};q=0.5, ${car};q=0.8`)).toBe(carN)
  expect(await type('', `${raw};q=0, ${car};q=0.1`)).toBe(carN)
  // What can't be given is passed over for the next best.
  expect(await type('', `${car};order=foo, ${car};order=dfs;dups=y;q=0.5`)).toBe(carY)
  expect(await type('', `${car};version=2, ${raw};q=0.2`)).toBe(raw)
  expect(await type('?format=car', `${car}; order=unk; dups=y`)).toBe(carY)
  expect(await type('?format=car&car-dups=y', `${car}; dups=n`)).toBe(carY)
  expect(await type('?format=car&car-order=dfs', `${car}; order=foo`)).toBe(carN)
})

test('an answer chosen by its Accept header says where just that is', async () => {
  const chosen = await get(`/ipfs/${root}/app?dag-scope=block`, { accept: 'application/vnd.ipld.car' })
  expect(chosen.headers.vary).toBe('Accept')
  const location = chosen.headers['content-location'] ?? ''
  expect(location).toBe(`/ipfs/${root}/app?format=car&dag-scope=block`)
  expect((await get(location)).body.equals(chosen.body)).toBe(true)
})

test('a name for the file is passed on, in a form for everyone', async () => {
  const named = await get(`/ipfs/${leaf}?format=raw&filename=${encodeURIComponent(`a"b\\тест'.bin`)}`)
  expect(named.headers['content-disposition']).toBe(
    `attachment; filename="a_b_____'.bin"; filename*=UTF-8''a%22b%5C%D1%82%D0%B5%D1%81%D1%82%27.bin`,
  )
})

test.each([
  ['no format at all', `/ipfs/ROOT`, {}, 400],
  ['a browser', `/ipfs/ROOT`, { accept: 'text/html,*/*;q=0.8' }, 406],
  ['an unknown format', `/ipfs/ROOT?format=tar`, { accept: 'application/vnd.ipld.car' }, 406],
  ['CARv2', `/ipfs/ROOT?format=car&car-version=2`, {}, 406],
  ['an order that is not known', `/ipfs/ROOT?format=car&car-order=bfs`, {}, 406],
  ['a scope that is not known', `/ipfs/ROOT?format=car&dag-scope=some`, {}, 400],
  ['a range that is none', `/ipfs/ROOT?format=car&entity-bytes=1-2`, {}, 400],
  ['no CID', `/ipfs/nonsense?format=raw`, {}, 400],
  ['a CID in lower case', `/ipfs/qmrkkgtpnhmbrsrcedoqpyhmqaynqzkqcwkryzgjiqcywjcdmwx1tt?format=raw`, {}, 400],
  ['a broken escape', `/ipfs/ROOT/%zz?format=raw`, {}, 400],
  ['a step up', `/ipfs/ROOT/app/..%2f?format=raw`, {}, 404],
  ['a relative segment', `/ipfs/ROOT/%2e%2e/app?format=raw`, {}, 400],
  ['a record of content', `/ipfs/ROOT?format=ipns-record`, {}, 406],
  [
    'content of a name',
    `/ipns/k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8?format=car`,
    {},
    406,
  ],
  ['a record of no key', `/ipns/images.example.org?format=ipns-record`, {}, 400],
])('%s is refused as JSON', async (_, path, headers, status) => {
  const answer = await get(path.replace('ROOT', root), headers)
  expect(answer.status).toBe(status)
  expect(errorOf(answer).message).not.toBe('')
  expect(answer.headers['cache-control']).toBe('no-store')
})

test('nothing is written here', async () => {
  const answer = await get(`/ipfs/${root}`, {}, 'PUT')
  expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD'])
})

test('what is not held is 404, and 412 for who wants it only from here', async () => {
  const absent = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
  for (const format of ['raw', 'car']) {
    expect((await get(`/ipfs/${absent}?format=${format}`)).status).toBe(404)
    expect((await get(`/ipfs/${absent}?format=${format}`, {}, 'HEAD')).status).toBe(404)
    const cached = { 'cache-control': 'max-age=0, only-if-cached' }
    expect((await get(`/ipfs/${absent}?format=${format}`, cached, 'HEAD')).status).toBe(412)
    expect((await get(`/ipfs/${root}?format=${format}`, cached)).status).toBe(200)
  }
})

test('what others have is fetched with --relay, and not for who wants it only from here', async () => {
  await again({ relayed: memoryBlocks(tree.blocks) }, new Map())
  expect((await get(`/ipfs/${root}/app/file?format=raw`)).body.equals(content)).toBe(true)
  expect((await get(`/ipfs/${root}?format=car`)).status).toBe(200)
  expect((await get(`/ipfs/${root}?format=car`, { 'cache-control': 'only-if-cached' })).status).toBe(412)
})

test('allow and deny lists decide which roots are served, also where a path leads', async () => {
  await again({ deny: [`/ipfs/${leaf}`] })
  expect((await get(`/ipfs/${leaf}?format=raw`)).status).toBe(403)
  expect((await get(`/ipfs/${root}/app/file?format=car`)).status).toBe(403)
  expect((await get(`/ipfs/${root}/app/other?format=car`)).status).toBe(200)
  await again({ allow: [`/ipfs/${root}/app/other`] })
  expect((await get(`/ipfs/${root}/app/other?format=raw`)).status).toBe(200)
  expect((await get(`/ipfs/${root}/app/file?format=raw`)).status).toBe(403)
  expect((await get(`/ipfs/${leaf}?format=raw`)).status).toBe(403)
})

test('more requests at once than allowed are told when to come again, and a place is free when one ends', async () => {
  const big = await importTree({ big: patternBytes(30_000_000) })
  await again({ maxRequests: 1 }, big.blocks)
  const first = await begin(served.port, `/ipfs/${big.root.toString()}?format=car`)
  const second = await get(`/ipfs/${big.root.toString()}?format=raw`)
  expect([second.status, second.headers['retry-after']]).toEqual([429, '2'])
  expect(errorOf(second).code).toBe('TOOMANYREQUESTS')
  expect((await finish(first)).complete).toBe(true)
  expect((await get(`/ipfs/${big.root.toString()}?format=raw`)).status).toBe(200)
})

test('paths go through documents as well, and their links are part of the whole', async () => {
  const inner = block(0x71, dagCbor.encode({ size: 3, file: tree.cids.get('app/file') }))
  const outer = block(0x71, dagCbor.encode({ list: [1, { inner: inner.cid }], name: 'x' }))
  await again({}, new Map([...tree.blocks, entry(inner), entry(outer)]))
  const all = await get(`/ipfs/${outer.cid.toString()}?format=car`)
  const file = { cid: tree.cids.get('app/file') as CID, bytes: content }
  expect(all.body).toEqual(carOf(outer.cid, [outer, inner, file]))
  const through = await get(`/ipfs/${outer.cid.toString()}/list/1/inner/file?format=car&dag-scope=entity`)
  expect(through.body).toEqual(carOf(file.cid, [outer, inner, file]))
  // Within a document the path leads to the document.
  const within = await get(`/ipfs/${outer.cid.toString()}/list/0?format=car&dag-scope=entity`)
  expect(within.body).toEqual(carOf(outer.cid, [outer]))
  expect((await get(`/ipfs/${outer.cid.toString()}/list/7?format=car`)).status).toBe(404)
  expect((await get(`/ipfs/${outer.cid.toString()}/constructor?format=car`)).status).toBe(404)
})

function block(codec: number, bytes: Uint8Array): { cid: CID; bytes: Uint8Array } {
  return { cid: CID.createV1(codec, Digest.create(0x12, createHash('sha256').update(bytes).digest())), bytes }
}

function entry({ cid, bytes }: ReturnType<typeof block>): [string, Uint8Array] {
  return [cid.toString(), bytes]
}

function carOf(cid: CID, blocks: ReturnType<typeof block>[]): Buffer {
  return Buffer.concat([carHeader([cid]), ...blocks.map((one) => carSection(one.cid, one.bytes))])
}
