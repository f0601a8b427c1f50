import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { createProgram } from '../../src/wiring.ts'
import { commandLine } from '../fixtures/command-line.ts'
import { type ContentTree, importTree, patternBytes } from '../fixtures/content-tree.ts'
import { inTemporaryFolder, writeFiles } from '../fixtures/folders.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { ask, begin } from '../fixtures/raw-request.ts'
import { type ServedGateway, startServedGateway, storeFolder } from '../fixtures/served-gateway.ts'
import { startTrustlessGateway } from '../fixtures/trustless-gateway.ts'

const layout = new LayoutBuilder()
const bytes = Buffer.from(patternBytes(2_500_000))
const layer = layout.blob(bytes, 'application/vnd.oci.image.layer.v1.tar')
const image = layout.image({ layers: [bytes] })
const files = layout.list(image, { ref: 'v1' }).files()
const tree: ContentTree = await importTree(Object.fromEntries(files))
const root = tree.root.toString()

const stores: Awaited<ReturnType<typeof storeFolder>>[] = []
const gateways: ServedGateway[] = []
let a: ServedGateway

beforeEach(async () => {
  const store = await storeFolder()
  stores.push(store)
  await inTemporaryFolder(async (folder) => {
    await writeFiles(folder, files)
    const argv = ['publish', folder, '--store', store.path, '--source', 'embedded']
    expect((await commandLine({ argv, program: createProgram() })).stdout).toContain(root)
  })
  a = await serve(store.path, { source: ['embedded'] })
})

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.stop()
  for (const store of stores.splice(0)) await store.remove()
})

async function serve(store: string, flags: Parameters<typeof startServedGateway>[1]): Promise<ServedGateway> {
  const gateway = await startServedGateway(store, flags)
  gateways.push(gateway)
  return gateway
}

/** A gateway with a store of its own. */
async function another(flags: Parameters<typeof startServedGateway>[1]): Promise<ServedGateway> {
  const store = await storeFolder()
  stores.push(store)
  return serve(store.path, flags)
}

test('every block of what was published is given, and the CAR of all is that of another program', async () => {
  for (const [cid, bytes] of tree.blocks) {
    const answer = await ask(a.port, `/ipfs/${cid}?format=raw`)
    expect([cid, answer.status, answer.body.equals(bytes)]).toEqual([cid, 200, true])
  }
  const honest = await startTrustlessGateway(tree)
  honest.dups = 'n'
  for (const url of [
    `/ipfs/${root}?format=car`,
    `/ipfs/${root}/blobs/${layer.digest.replace(':', '/')}?format=car&dag-scope=entity&entity-bytes=1048570:1048580`,
  ]) {
    const [ours, theirs] = [await ask(a.port, url), await ask(Number(new URL(honest.url).port), url)]
    expect([url, ours.body.equals(theirs.body)]).toEqual([url, true])
  }
  await honest.close()
})

test('a gateway pulls from another, block by verified block', async () => {
  const b = await another({ source: [`gateway=http://127.0.0.1:${a.port}`] })
  const manifest = await ask(b.port, `/v2/ipfs/${root}/manifests/v1`)
  expect([manifest.status, manifest.headers['docker-content-digest']]).toEqual([200, image.digest])
  const blob = await ask(b.port, `/v2/ipfs/${root}/blobs/${layer.digest}`)
  expect(blob.body.equals(patternBytes(2_500_000))).toBe(true)
  // What is not there is proved not to be there.
  expect((await ask(b.port, `/v2/ipfs/${root}/manifests/v2`)).status).toBe(404)
})

test('what a gateway has pulled it gives to others, also when the one it pulled from is gone', async () => {
  const b = await another({ source: [`gateway=http://127.0.0.1:${a.port}`] })
  const c = await another({ source: [`gateway=http://127.0.0.1:${b.port}`] })
  const pull = async (from: ServedGateway): Promise<void> => {
    expect((await ask(from.port, `/v2/ipfs/${root}/manifests/v1`)).status).toBe(200)
    const blob = await ask(from.port, `/v2/ipfs/${root}/blobs/${layer.digest}`)
    expect(blob.body.equals(bytes)).toBe(true)
  }
  await pull(b)
  const url = `/ipfs/${root}/blobs/${layer.digest.replace(':', '/')}?format=car&dag-scope=entity`
  const car = await ask(a.port, url)
  await a.stop()
  expect((await ask(b.port, url)).body.equals(car.body)).toBe(true)
  await pull(c)
})

test('what it does not hold it does not fetch for others, unless it is told to relay', async () => {
  const source = [`gateway=http://127.0.0.1:${a.port}`]
  const b = await another({ source })
  expect((await ask(b.port, `/ipfs/${root}?format=car`)).status).toBe(404)
  const relaying = await another({ source, relay: 'true' })
  const [ours, relayed] = await Promise.all(
    [a, relaying].map(({ port }) => ask(port, `/ipfs/${root}?format=car`)),
  )
  expect(relayed?.status).toBe(200)
  expect(relayed?.body.equals(ours?.body ?? Buffer.alloc(0))).toBe(true)
})

test('it can be turned off, or put on a listener of its own', async () => {
  const off = await another({ source: ['embedded'], 'ipfs-gateway': 'off' })
  expect((await ask(off.port, '/ipfs/bafkqaaa?format=raw')).status).toBe(404)
  const apart = await another({ source: ['embedded'], 'ipfs-gateway': '127.0.0.1:0' })
  expect((await ask(apart.port, '/ipfs/bafkqaaa?format=raw')).status).toBe(404)
  const line = apart.log().find((one) => one.includes('ipfsGateway')) ?? ''
  const port = Number(/"ipfsGateway":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(line)?.[1])
  expect((await ask(port, '/ipfs/bafkqaaa?format=raw')).status).toBe(200)
  expect((await ask(port, '/v2/')).status).toBe(404)
})

test('the access log and the metrics tell what was given to whom', async () => {
  await ask(a.port, `/ipfs/${root}?format=car`)
  const line = a.log().find((one) => one.includes('"route":"car"')) ?? '{}'
  expect(JSON.parse(line)).toMatchObject({ name: `/ipfs/${root}`, status: 200, source: 'disk' })
  const metrics = (await ask(a.adminPort, '/metrics')).body.toString()
  expect(metrics).toMatch(/ipfs_registry_http_requests_total\{route="car",method="GET",code="200"\} 1/)
})

test('readers that leave in the middle do not keep others from their answers', async () => {
  const leaving = Array.from({ length: 20 }, async () => {
    const answer = await begin(a.port, `/ipfs/${root}?format=car`)
    answer.destroy()
  })
  await Promise.all(leaving)
  const answer = await ask(a.port, `/ipfs/${root}?format=car`)
  expect(answer.complete).toBe(true)
  const gone = () => a.log().filter((one) => one.includes('"route":"car"')).length
  while (gone() < 21) await new Promise((resolve) => setImmediate(resolve))
})
