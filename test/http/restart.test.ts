import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { importTree, patternBytes } from '../fixtures/content-tree.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { ask } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'

const layout = new LayoutBuilder()
const layer = layout.blob(Buffer.from(patternBytes(3 * 1024 * 1024)), 'application/octet-stream')
const image = layout.image()
const tree = await importTree(Object.fromEntries(layout.list(image, { ref: 'v1' }).files()))
const name = `ipfs/${tree.root.toString()}`

let source: TrustlessGateway
let store: Awaited<ReturnType<typeof storeFolder>>
let gateway: ServedGateway

beforeEach(async () => {
  source = await startTrustlessGateway(tree)
  store = await storeFolder()
  gateway = await start()
})

afterEach(async () => {
  await gateway.stop()
  await source.close()
  await store.remove()
})

function start(): Promise<ServedGateway> {
  return startServedGateway(store.path, { source: [`gateway=${source.url}`] })
}

async function restart(): Promise<void> {
  await gateway.stop()
  gateway = await start()
}

const manifest = (reference: string): string => `/v2/${name}/manifests/${reference}`
const blob = (digest: string): string => `/v2/${name}/blobs/${digest}`

/** From now on the source has nothing. */
function lose(): void {
  source.blocks.clear()
}

test('what was pulled and proved once is served after a restart when the source has lost it', async () => {
  const before = await ask(gateway.port, manifest('v1'))
  expect((await ask(gateway.port, blob(layer.digest))).status).toBe(200)
  lose()
  await restart()
  const asked = source.requests.length
  const after = await ask(gateway.port, manifest('v1'))
  expect(after.status).toBe(200)
  expect(after.body).toEqual(before.body)
  expect(after.headers['docker-content-digest']).toBe(image.digest)
  const bytes = await ask(gateway.port, blob(layer.digest))
  expect(bytes.status).toBe(200)
  expect(bytes.body.equals(Buffer.from(patternBytes(3 * 1024 * 1024)))).toBe(true)
  expect(bytes.headers['x-ipfs-path']).toBe(
    `/ipfs/${tree.root.toString()}/blobs/${layer.digest.replace(':', '/')}`,
  )
  expect((await ask(gateway.port, blob(layer.digest), { method: 'HEAD' })).status).toBe(200)
  const part = await ask(gateway.port, blob(layer.digest), { headers: { range: 'bytes=1000000-1000009' } })
  expect(part.body).toEqual(Buffer.from(patternBytes(3 * 1024 * 1024)).subarray(1_000_000, 1_000_010))
  expect(source.requests).toHaveLength(asked)
})

test('what is in the cache is not served under a layout that was never seen to hold it', async () => {
  expect((await ask(gateway.port, manifest('v1'))).status).toBe(200)
  expect((await ask(gateway.port, blob(layer.digest))).status).toBe(200)
  const strange = new LayoutBuilder()
  const files = strange.list(strange.image({ content: 'other' }), { ref: 'v1' }).files()
  const other = await importTree(Object.fromEntries(files))
  lose()
  source.add(other)
  await restart()
  const asked = await ask(gateway.port, `/v2/ipfs/${other.root.toString()}/blobs/${layer.digest}`)
  expect(asked.status).toBe(404)
})
