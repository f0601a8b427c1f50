import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Descriptor } from '../../src/layout/descriptor.ts'
import { METRICS } from '../../src/observability/metric-definitions.ts'
import { encodedOf } from '../../src/reference/digest.ts'
import { until } from '../fixtures/blob-store.ts'
import { importTree, patternBytes, type ContentTree } from '../fixtures/content-tree.ts'
import { damaged } from '../fixtures/controlled-blob.ts'
import { ed25519Key } from '../fixtures/ipns-keys.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { ask, begin } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'
import {
  registryOf,
  reply,
  startStubServer,
  stubTokens,
  tokenServerFor,
  withBearer,
  type StubServer,
} from '../fixtures/stub-upstream.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'

/** Not kept in memory. */
const LARGE = 300 * 1024
const layout = new LayoutBuilder()
const [one, two, three] = [1, 2, 3].map((seed) => layout.blob(patternBytes(LARGE, seed), 'application/large'))
const small = layout.blob('a small blob', 'application/small')
const faulty = layout.blob('a blob that comes with a wrong bit', 'application/small')
const stuck = [1, 2].map((n) => layout.blob(`stuck ${n}`, 'application/small'))
/** As many as it takes for the first of them to leave the smallest memory there is. */
const many = Array.from({ length: 6 }, (_, n) =>
  layout.blob(patternBytes(250 * 1024, 10 + n), 'application/many'),
)
const image = layout.image()
const files = layout.list(image, { ref: 'v1' }).files()

let folder: Awaited<ReturnType<typeof storeFolder>>
let source: TrustlessGateway
let tree: ContentTree
let upstream: StubServer
let tokenServer: StubServer
let receiver: StubServer
let gateway: ServedGateway

beforeAll(async () => {
  const tokens = stubTokens()
  tokenServer = await startStubServer(tokenServerFor(tokens))
  const bytes = files.get(`blobs/sha256/${encodedOf(image.digest)}`) ?? Buffer.alloc(0)
  const manifests = { v1: { bytes, type: image.mediaType } }
  upstream = await startStubServer(
    withBearer(`${tokenServer.url}/token`, tokens, registryOf({ manifests, blobs: {} })),
  )
  receiver = await startStubServer((_, response) => reply(response, 503))
  folder = await storeFolder()
  tree = await importTree(Object.fromEntries(files))
  source = await startTrustlessGateway(tree)
  gateway = await startServedGateway(folder.path, {
    source: ['embedded', `gateway=${source.url}`],
    upstream: [`docker.io=${upstream.url}`],
    push: true,
    webhook: [receiver.url],
    'tag-ttl': '0',
    // Room for one large blob.
    'cache-size': '400KiB',
    'memory-cache-size': '1MiB',
    'ipns-ttl-min': '0',
    'max-requests': '2',
  })
})

afterAll(async () => {
  await gateway.stop()
  await upstream.close()
  await tokenServer.close()
  await receiver.close()
  await source.close()
  await folder.remove()
})

async function status(path: string, name = `ipfs/${tree.root.toString()}`): Promise<number> {
  return (await ask(gateway.port, `/v2/${name}/${path}`)).status
}

/** Waits for the answer before to be counted, so that there is room for the next. */
async function get(path: string, name?: string): Promise<number> {
  await until(async () => (await figures())['ipfs_registry_http_requests_in_flight'] === 0)
  return status(path, name)
}

const blob = (descriptor: Descriptor | undefined): string => `blobs/${descriptor?.digest ?? ''}`

/** Names of the series that were above zero at any time. */
const seen = new Set<string>()

/** Each series with its figure. */
async function figures(): Promise<Record<string, number>> {
  const text = (await ask(gateway.adminPort, '/metrics')).body.toString()
  const lines = text.split('\n').filter((line) => line.startsWith('ipfs_registry_'))
  const entries = lines.map((line): [string, number] => {
    const space = line.lastIndexOf(' ')
    return [line.slice(0, space), Number(line.slice(space + 1))]
  })
  for (const [series, figure] of entries) {
    if (figure > 0) seen.add((series.split('{')[0] ?? '').replace(/_count$/, ''))
  }
  return Object.fromEntries(entries)
}

const hasSeen = (name: string): boolean => seen.has(`ipfs_registry_${name}`)

async function push(body: Buffer<ArrayBuffer> | string, type = ''): Promise<number> {
  const url = `http://127.0.0.1:${gateway.port}/v2/app/manifests/v1`
  return (await fetch(url, { method: 'PUT', body, headers: { 'content-type': type } })).status
}

test('every metric is counted in a life that sees everything', async () => {
  const name = ed25519Key()
  source.records.set(name.name.text, await name.record({ value: `/ipfs/${tree.root.toString()}`, ttl: 0 }))
  const ipns = `ipns/${name.name.text}`
  expect(await get('manifests/v1', ipns)).toBe(200)
  source.records.clear()
  expect(await get('manifests/v1', ipns)).toBe(200)

  expect(await get('manifests/v1', 'library/app')).toBe(200)
  upstream.answer = (_, response) => void response.destroy()
  expect(await get('manifests/v1', 'library/app')).toBe(200)

  // Found in memory, found on disk, removed from either, damaged on disk.
  for (const descriptor of [small, small, one, one, two, ...many])
    expect(await get(blob(descriptor))).toBe(200)
  const hex = encodedOf(two?.digest ?? `sha256:`)
  const file = join(folder.path, 'blobs', 'sha256', hex.slice(0, 2), hex)
  await get(blob(two))
  await until(async () => (await readdir(join(folder.path, 'incoming'))).length === 0)
  await writeFile(file, damaged(await readFile(file), 5))
  expect(await get(blob(two))).toBe(200)
  await rm(join(folder.path, 'incoming'), { recursive: true })
  expect(await get(blob(three))).toBe(200)

  // Refused, but it has come.
  expect(await push(Buffer.alloc(1_000_000))).toBe(400)
  const type = 'application/vnd.oci.image.index.v1+json'
  expect(await push(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [] }), type)).toBe(201)
  await until(async () => (await figures()) && hasSeen('webhook_failures_total'))
  await until(async () => (await figures()) && hasSeen('webhook_waiting_events'))
  receiver.answer = (_, response) => reply(response, 200)
  await until(async () => (await figures()) && hasSeen('webhook_events_total'))
  await until(async () => (await figures()) && hasSeen('root_name_behind_seconds'))
  await until(async () => (await figures()) && hasSeen('root_name_age_seconds'))

  source.faults = { flipBlock: 2, when: ({ path }) => path.includes(faulty.digest.slice(7)) }
  expect(await get(blob(faulty))).toBe(503)

  source.faults = { slowHead: 600_000 }
  await until(async () => (await figures())['ipfs_registry_http_requests_in_flight'] === 0)
  const before = source.requests.length
  const held = stuck.map((descriptor) =>
    begin(gateway.port, `/v2/ipfs/${tree.root.toString()}/${blob(descriptor)}`),
  )
  for (const each of held) each.catch(() => undefined)
  await until(() => source.requests.length === before + 2)
  expect(await status('manifests/v1')).toBe(503)
  await figures()
  const silent = Object.values(METRICS)
    .map((metric) => metric.name)
    .filter((metric) => !hasSeen(metric))
  expect(silent).toEqual([])
})
