import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { until } from '../fixtures/blob-store.ts'
import { importTree, patternBytes, type ContentTree } from '../fixtures/content-tree.ts'
import { damaged } from '../fixtures/controlled-blob.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { ask, begin } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'

const large = patternBytes(8 * 1024 * 1024)
const layout = new LayoutBuilder()
const blob = layout.blob(patternBytes(400_000, 2), 'application/octet-stream')
const small = layout.blob('a small blob', 'application/octet-stream')
const huge = layout.blob(large, 'application/octet-stream')
const wrong = layout.blob('what was meant', 'application/octet-stream')
const image = layout.image()
const files = layout.list(image, { ref: 'v1' }).files()
files.set(`blobs/${wrong.digest.replace(':', '/')}`, damaged(Buffer.from('what was meant'), 3))

let store: Awaited<ReturnType<typeof storeFolder>>
let tree: ContentTree
let source: TrustlessGateway
let gateway: ServedGateway
let name: string
let requests = 0

beforeAll(async () => {
  store = await storeFolder()
  tree = await importTree(Object.fromEntries(files))
  source = await startTrustlessGateway(tree)
  gateway = await startServedGateway(store.path, { source: [`gateway=${source.url}`], 'log-format': 'json' })
  name = `ipfs/${tree.root.toString()}`
})

afterAll(async () => {
  await gateway.stop()
  await source.close()
  await store.remove()
})

interface Line {
  readonly [field: string]: unknown
}

function lines(): Line[] {
  return gateway.log().map((line) => JSON.parse(line) as Line)
}

/** The line of a request, which is written when it has ended. */
async function lineOf(id: string): Promise<Line> {
  let found: Line | undefined
  await until(() => (found = lines().find((line) => line['id'] === id)) !== undefined)
  return found ?? {}
}

/** What the log says of a request. */
async function logged(
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<Line> {
  requests += 1
  const id = `request-${requests}`
  await ask(gateway.port, path, { ...options, headers: { ...options.headers, 'x-request-id': id } })
  return lineOf(id)
}

const upstream = (): string => `gateway:${new URL(source.url).host}`

test('a manifest, cold and cached', async () => {
  const path = `/v2/${name}/manifests/v1`
  const cold = {
    method: 'GET',
    path,
    route: 'manifest',
    name,
    reference: 'v1',
    status: 200,
    bytes: image.size,
  }
  expect(await logged(path)).toMatchObject({ ...cold, level: 'info', source: upstream(), cached: false })
  expect(await logged(path)).toMatchObject({ ...cold, source: 'memory', cached: true })
  expect(await logged(path, { method: 'HEAD' })).toMatchObject({ method: 'HEAD', status: 200, bytes: 0 })
})

test('a blob, from its source, from disk and in part', async () => {
  const path = `/v2/${name}/blobs/${blob.digest}`
  const whole = { route: 'blob', name, reference: blob.digest, status: 200, bytes: 400_000 }
  expect(await logged(path)).toMatchObject({ ...whole, source: upstream(), cached: false })
  expect(await logged(path)).toMatchObject({ ...whole, source: 'disk', cached: true })
  // Some clients close the connection as soon as they have what was announced.
  for (let count = 0; count < 30; count += 1) {
    const part = await logged(path, { headers: { range: 'bytes=10-19' } })
    expect(part).toMatchObject({ status: 206, bytes: 10, source: 'disk', cached: true })
    // That an answer was sent to its end is not worth saying.
    expect(part).not.toHaveProperty('complete')
    expect(part).not.toHaveProperty('error')
  }
})

test('a small blob comes from memory the second time', async () => {
  const path = `/v2/${name}/blobs/${small.digest}`
  expect(await logged(path)).toMatchObject({ bytes: small.size, cached: false })
  expect(await logged(path)).toMatchObject({ bytes: small.size, source: 'memory', cached: true })
})

test.each([
  ['tags/list', 'tags'],
  [`referrers/${image.digest}`, 'referrers'],
])('%s with what was sent', async (path, route) => {
  const { body } = await ask(gateway.port, `/v2/${name}/${path}`)
  expect(await logged(`/v2/${name}/${path}?n=5`)).toMatchObject({
    path: `/v2/${name}/${path}`,
    route,
    status: 200,
    bytes: body.length,
  })
})

test.each([
  ['manifests/none', 404, 'MANIFEST_UNKNOWN'],
  [`blobs/${wrong.digest}`, 502, 'CONTENT_INVALID'],
])('%s with why it failed', async (path, status, error) => {
  const line = await logged(`/v2/${name}/${path}`)
  expect(line).toMatchObject({ status, error, level: 'info' })
  expect(line['bytes']).toBeGreaterThan(0)
})

test('a client that leaves is no error, and has a line that says so', async () => {
  const headers = { 'x-request-id': 'leaving' }
  const answer = await begin(gateway.port, `/v2/${name}/blobs/${huge.digest}`, { headers })
  await once(answer, 'readable')
  answer.destroy()
  const line = await lineOf('leaving')
  expect(line).toMatchObject({ status: 200, complete: false })
  expect(line['bytes']).toBeLessThan(large.length)
  expect(lines().filter(({ level }) => level === 'error')).toEqual([])
})
