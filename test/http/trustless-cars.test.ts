import { afterEach, expect, test, describe } from '@jest/globals'
import type { CID } from 'multiformats/cid'
import { type ContentTree, DAG_SHAPES, importTree, patternBytes } from '../fixtures/content-tree.ts'
import { nodeOf } from '../fixtures/dag-walk.ts'
import { ask, begin, errorOf } from '../fixtures/raw-request.ts'
import { serveBlocks, type ServedBlocks } from '../fixtures/served-blocks.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'

const entries = {
  'image/index.json': patternBytes(700),
  'image/blobs/sha256/layer': patternBytes(3_500_000),
  'image/blobs/sha256/copy': patternBytes(3_500_000),
  'image/empty': new Uint8Array(),
  'image/zeros': new Uint8Array(2_600_000),
  'image/with space & ü/file': patternBytes(20),
}

let served: ServedBlocks
let honest: TrustlessGateway

afterEach(async () => {
  expect(served.defects).toEqual([])
  expect(served.openReaders()).toBe(0)
  await served.close()
  await honest.close()
})

async function serve(tree: ContentTree): Promise<string> {
  served = await serveBlocks(tree.blocks)
  honest = await startTrustlessGateway(tree)
  return tree.root.toString()
}

/** The CAR of another program for the same request, to the byte. */
async function expectSame(path: string, dups: 'y' | 'n' = 'n'): Promise<void> {
  honest.dups = dups
  const url = `${path}&format=car&car-dups=${dups}`
  const answer = await ask(served.port, url)
  const expected = await ask(Number(new URL(honest.url).port), url)
  expect({ url, status: answer.status, complete: answer.complete }).toEqual({
    url,
    status: 200,
    complete: true,
  })
  expect(answer.headers['content-type']).toBe(`application/vnd.ipld.car; version=1; order=dfs; dups=${dups}`)
  expect(expected.status).toBe(200)
  expect({ url, same: answer.body.equals(expected.body) }).toEqual({ url, same: true })
}

const PATHS = ['', '/image', '/image/index.json', '/image/blobs/sha256/layer', '/image/empty']

describe.each(Object.entries(DAG_SHAPES))('%s', (_, shape) => {
  test('every scope of every path is the CAR that another program makes', async () => {
    const root = await serve(await importTree(entries, shape))
    for (const path of PATHS) {
      for (const scope of ['block', 'entity', 'all']) {
        for (const dups of ['y', 'n'] as const) {
          await expectSame(`/ipfs/${root}${path}?dag-scope=${scope}`, dups)
        }
      }
    }
  })

  test('a range of a file has just the blocks that it needs', async () => {
    const root = await serve(await importTree(entries, shape))
    const file = `/ipfs/${root}/image/blobs/sha256/layer?dag-scope=entity`
    for (const range of ['0:0', '0:*', '1048575:1048576', '3499999:*', '262144:262144', '3499999:9999999']) {
      await expectSame(`${file}&entity-bytes=${range}`, 'y')
    }
  })
})

test('blocks that repeat inside a file come once, or each time', async () => {
  const root = await serve(await importTree(entries))
  const file = `/ipfs/${root}/image/zeros?dag-scope=entity`
  await expectSame(file, 'n')
  await expectSame(file, 'y')
  const once = await ask(served.port, `${file}&format=car`)
  const each = await ask(served.port, `${file}&format=car&car-dups=y`)
  expect(each.body.length - once.body.length).toBeGreaterThan(1024 * 1024)
})

test('a path through a sharded folder has the shards on the way, and the folder itself all of them', async () => {
  const files = Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`dir/file-${n}`, patternBytes(n)]))
  const tree = await importTree(files, { profile: 'unixfs-v1-2025', shardSplitThresholdBytes: 1000 })
  const root = await serve(tree)
  await expectSame(`/ipfs/${root}/dir/file-77?dag-scope=entity`)
  await expectSame(`/ipfs/${root}/dir?dag-scope=entity`)
  await expectSame(`/ipfs/${root}/dir?dag-scope=block`)
  await expectSame(`/ipfs/${root}?dag-scope=all`)
  // A folder is no bytes to take a part of.
  const part = await ask(served.port, `/ipfs/${root}/dir?format=car&dag-scope=entity&entity-bytes=0:10`)
  const whole = await ask(served.port, `/ipfs/${root}/dir?format=car&dag-scope=entity`)
  expect(part.body.equals(whole.body)).toBe(true)
})

test('names with escapes are found, and told as they were written', async () => {
  const root = await serve(await importTree(entries))
  const path = `/ipfs/${root}/image/with%20space%20&%20%C3%BC/file`
  await expectSame(`${path}?dag-scope=all`)
  expect((await ask(served.port, `${path}?format=car`)).headers['x-ipfs-path']).toBe(path)
})

test('nothing at a path is 404, before anything of a CAR is sent', async () => {
  const root = await serve(await importTree(entries))
  for (const path of ['/image/nothing', '/image/index.json/below', '/nothing/at/all']) {
    const answer = await ask(served.port, `/ipfs/${root}${path}?format=car`)
    expect({ path, status: answer.status }).toEqual({ path, status: 404 })
    expect(errorOf(answer).code).toBe('NAME_UNKNOWN')
  }
})

test('a block that is missing early is a 404; one that is missing late cuts the CAR off', async () => {
  const tree = await importTree(entries)
  const root = await serve(tree)
  const url = `/ipfs/${root}/image/blobs/sha256/layer?format=car`
  const layer = tree.cids.get('image/blobs/sha256/layer') as CID
  const late = nodeOf(tree.blocks, layer).links.at(-1)?.cid.toString() ?? ''
  const whole = await ask(served.port, url)
  const bytes = served.blocks.get(late) as Uint8Array
  served.blocks.delete(late)
  const cut = await ask(served.port, url)
  expect(cut).toMatchObject({ status: 200, complete: false })
  expect(whole.body.subarray(0, cut.body.length).equals(cut.body)).toBe(true)
  // A range that does not need it is not concerned.
  expect(await ask(served.port, `${url}&dag-scope=entity&entity-bytes=0:10`)).toMatchObject({
    status: 200,
    complete: true,
  })
  served.blocks.set(late, bytes)
  served.blocks.delete(layer.toString())
  const early = await ask(served.port, url)
  expect(early.status).toBe(404)
  expect(errorOf(early).message).toContain('fetches nothing for others')
})

test('HEAD tells all that GET does, without a body; If-None-Match is honoured', async () => {
  const root = await serve(await importTree(entries))
  const url = `/ipfs/${root}/image?format=car&dag-scope=entity`
  const got = await ask(served.port, url)
  const head = await ask(served.port, url, { method: 'HEAD' })
  expect(head.status).toBe(200)
  expect(head.body).toHaveLength(0)
  for (const name of [
    'content-type',
    'etag',
    'cache-control',
    'x-ipfs-path',
    'x-ipfs-roots',
    'accept-ranges',
  ]) {
    expect([name, head.headers[name]]).toEqual([name, got.headers[name]])
    expect(got.headers[name]).toBeDefined()
  }
  const etag = got.headers.etag ?? ''
  expect(etag).toMatch(/^"entity\./)
  const again = await ask(served.port, url, { headers: { 'if-none-match': etag } })
  expect(again.status).toBe(304)
  expect(again.body).toHaveLength(0)
  for (const other of ['&car-dups=y', '&dag-scope=block', '&entity-bytes=0:1']) {
    const differs = await ask(served.port, url.replace('&dag-scope=entity', '') + other)
    expect(differs.headers.etag).not.toBe(etag)
  }
})

test('a client that leaves in the middle of a CAR ends its reading', async () => {
  const root = await serve(await importTree({ big: patternBytes(20_000_000) }))
  const answer = await begin(served.port, `/ipfs/${root}?format=car`)
  expect(served.openReaders()).toBe(1)
  answer.destroy()
  while (served.openReaders() > 0) await new Promise((resolve) => setImmediate(resolve))
})
