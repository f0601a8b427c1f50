import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { GatewayStatus } from '../../src/observability/status.ts'
import { until } from '../fixtures/blob-store.ts'
import { importTree, type ContentTree } from '../fixtures/content-tree.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { ask } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'
import { startStubServer, type StubServer } from '../fixtures/stub-upstream.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'

const layout = new LayoutBuilder()
const files = layout.list(layout.image(), { ref: 'v1' }).files()

/** A root that nobody has. */
const ABSENT = 'bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354'

let folder: Awaited<ReturnType<typeof storeFolder>>
let tree: ContentTree
let source: TrustlessGateway
let upstream: StubServer
let gateway: ServedGateway

beforeAll(async () => {
  upstream = await startStubServer((_, response) => {
    response.writeHead(429, { 'retry-after': '600' }).end()
  })
  folder = await storeFolder()
  tree = await importTree(Object.fromEntries(files))
  source = await startTrustlessGateway(tree)
  gateway = await startServedGateway(folder.path, {
    // Nobody listens on port 1.
    source: ['gateway=http://127.0.0.1:1', `gateway=${source.url}`, 'embedded'],
    upstream: [`docker.io=${upstream.url}`],
    push: true,
    'push-to': 'embedded',
    'max-requests': '77',
    'push-host': ['registry.example'],
  }).catch(async (error: unknown) => {
    await folder.remove()
    throw error
  })
})

afterAll(async () => {
  await gateway?.stop()
  await source.close()
  await upstream.close()
  await folder.remove()
})

async function status(): Promise<GatewayStatus> {
  const { body } = await ask(gateway.adminPort, '/status.json')
  return JSON.parse(body.toString()) as GatewayStatus
}

/** When its answer has been counted. */
async function get(path: string): Promise<number> {
  const answer = await ask(gateway.port, path)
  await until(async () => (await status()).requests.in_flight === 0)
  return answer.status
}

test('a gateway that has done a little of everything', async () => {
  const before = await status()
  expect(before).toMatchObject({
    version: '0.0.0',
    ready: true,
    requests: { in_flight: 0, in_flight_limit: 77, answered_total: 0 },
    sources: [
      { name: 'gateway:127.0.0.1:1', healthy: false, first_byte_median_ms: null, last_failure: null },
      { healthy: true, requests_total: 0 },
      { name: 'embedded', healthy: true },
    ],
    upstreams: [{ name: 'docker.io', limited_until: null }],
    roots: [{ name: 'home', version: null, cid: null, private: false }],
    followed_roots: [],
    errors: { answers: [] },
  })

  const name = `ipfs/${tree.root.toString()}`
  expect(await get(`/v2/${name}/manifests/v1`)).toBe(200)
  expect(await get('/v2/library/app/manifests/v1')).toBe(429)
  source.faults = { status: 500 }
  expect(await get(`/v2/ipfs/${ABSENT}/manifests/v1?token=secret`)).toBe(503)

  const after = await status()
  const [dead, alive] = after.sources
  expect(dead).toMatchObject({
    recent_failures: dead?.recent_requests,
    last_failure: { outcome: 'unavailable' },
  })
  expect(alive?.received_bytes).toBeGreaterThan(0)
  expect(alive?.first_byte_median_ms).toBeGreaterThan(0)
  expect(Date.parse(after.upstreams[0]?.limited_until ?? '')).toBeGreaterThan(Date.now())
  expect(after.upstreams[0]?.last_failure).toMatchObject({ outcome: 'limited' })
  expect(after.requests.answered_total).toBe(3)
  expect(after.errors.answers).toMatchObject([
    { method: 'GET', path: `/v2/ipfs/${ABSENT}/manifests/v1`, status: 503, code: 'CONTENT_UNAVAILABLE' },
  ])
  expect(after.errors.answers[0]?.message).toContain('no source could give')
  expect(after.cache.misses_total).toBeGreaterThan(0)
  expect(JSON.stringify(after)).not.toContain('secret')
})

test('the page shows the same', async () => {
  const page = (await ask(gateway.adminPort, '/')).body.toString()
  expect(page).toContain('<title>Ready, but 1 of 3 sources does not answer')
  expect(page).toContain('wants fewer requests')
})

test.each([
  ['localhost:5010', 200],
  ['[::1]', 200],
  ['10.1.2.3:5010', 200],
  ['registry.example:5010', 200],
  ['web-page.example:5010', 403],
  ['localhost.web-page.example', 403],
  ['a b', 403],
])('who calls it %s, as a web page may whose name leads here, is answered %i', async (host, expected) => {
  for (const path of ['/', '/status.json', '/metrics']) {
    const answer = await ask(gateway.adminPort, path, { headers: { host } })
    expect([path, answer.status]).toEqual([path, expected])
  }
})
