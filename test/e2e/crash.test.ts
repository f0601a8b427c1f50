import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { CountingProxy } from './harness/counting-proxy.ts'
import { brought, download, downloadUntilRight } from './harness/download.ts'
import { Gateway, repositoryOf } from './harness/gateway-process.ts'
import type { Published } from './harness/gateway-process.ts'
import { descriptorOf, makeImage, manifestOf } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const LAYER = 12_000_000

describeWith(['ipfs', 'umoci'], 'kill -9', () => {
  const teardown = new Teardown()
  let kubo: KuboNode
  let layout: string
  let root: string
  let layers: readonly string[]
  beforeAll(async () => {
    layout = join(await tempFolder(teardown), 'app')
    await makeImage(layout, 'v1', { layers: Array.from({ length: 6 }, () => LAYER), seed: 'crash' })
    const image = await manifestOf(layout, (await descriptorOf(layout, 'v1')).digest)
    layers = image.layers?.map((layer) => layer.digest) ?? []
    kubo = await KuboNode.start(teardown)
    root = await kubo.add(layout)
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  test('while blobs are fetched: no half blob counts after the next start', async () => {
    const proxy = await CountingProxy.start(teardown, kubo.gateway)
    const gateway = await Gateway.start(teardown, { sources: [`gateway=${proxy.url}`] })
    const url = (digest: string): string => `${gateway.url}/v2/ipfs/${root}/blobs/${digest}`
    for (const [i, layer] of layers.entries()) {
      // Each time at another point of the blob: from its first piece to its last.
      const point = Math.round((LAYER * (i + 0.5)) / layers.length)
      let reached: () => void = () => undefined
      const there = new Promise<void>((resolve) => (reached = resolve))
      const cut = download(url(layer), { onBytes: (total) => total >= point && reached() })
      await Promise.race([there, cut])
      await gateway.kill()
      const got = await cut
      if (got.complete && got.status === 200) expect(got.digest).toBe(layer)
      await gateway.up()
      expect(brought(await download(url(layer)), layer)).toBe(true)
    }
    // What was whole before the last kill is served from disk, with nobody left to ask.
    await gateway.kill()
    await kubo.down()
    await gateway.up()
    for (const layer of layers) expect(brought(await download(url(layer)), layer)).toBe(true)
    await kubo.up()
  }, 180_000)

  test('of a gateway that is published to: what was published before is whole, and publishing again works', async () => {
    const gateway = await Gateway.start(teardown, { sources: ['embedded'] })
    const small = join(await tempFolder(teardown), 'small')
    await makeImage(small, 'kept', { layers: [500_000], seed: 'crash/kept' })
    const kept = await gateway.publish(small)
    const keptDigest = (await descriptorOf(small, 'kept')).digest
    const keptUrl = `${gateway.url}/v2/${repositoryOf(kept)}/manifests/${keptDigest}`
    for (const wait of [300, 400, 500, 600, 700, 900]) {
      const publishing = gateway.attempt(['publish', layout, '--json', '--store', gateway.store])
      await delay(wait)
      await gateway.kill()
      const result = await publishing
      await gateway.up()
      await downloadUntilRight(keptUrl, keptDigest)
      if (result.code !== 0) continue
      // It was told that it is published, so it is.
      const done = JSON.parse(result.stdout) as Published
      await expectWhole(gateway, done)
    }
    await expectWhole(gateway, await gateway.publish(layout))
  }, 180_000)

  test('of a publish that holds the store itself: the next one is clean', async () => {
    const gateway = await Gateway.start(teardown, { sources: ['embedded'] })
    await gateway.down()
    for (const wait of [400, 600, 800, 1000]) {
      // Killed when that time is over.
      await gateway.attempt(['publish', layout, '--json', '--store', gateway.store], { timeout: wait })
    }
    await gateway.up()
    await expectWhole(gateway, await gateway.publish(layout))
  }, 180_000)

  test('of an import, by itself or by a gateway that runs: the next one is clean, and what was told is there', async () => {
    const gateway = await Gateway.start(teardown, { sources: ['embedded'] })
    const car = join(await tempFolder(teardown), 'app.car')
    const exported = await fetch(`${kubo.gateway}/ipfs/${root}?format=car`)
    await writeFile(car, Buffer.from(await exported.arrayBuffer()))
    const imported: Published = { root, layouts: [{ path: '', tags: ['v1'] }] }
    const importing = ['import', car, '--json', '--store', gateway.store]
    for (const wait of [400, 600, 800, 1000, 1400]) {
      const attempt = gateway.attempt(importing)
      await delay(wait)
      await gateway.kill()
      const { code } = await attempt
      await gateway.up()
      if (code === 0) await expectWhole(gateway, imported)
    }
    await gateway.down()
    for (const wait of [500, 800, 1100, 1400]) {
      // Killed when that time is over.
      await gateway.attempt(importing, { timeout: wait })
    }
    await gateway.up()
    expect(await readdir(join(gateway.store, 'incoming'))).toEqual([])
    await gateway.command(importing)
    await expectWhole(gateway, imported)
  }, 180_000)

  async function expectWhole(gateway: Gateway, published: Published): Promise<void> {
    for (const layer of layers) {
      const got = await download(`${gateway.url}/v2/${repositoryOf(published)}/blobs/${layer}`)
      expect({ layer, right: brought(got, layer) }).toEqual({ layer, right: true })
    }
  }
})
