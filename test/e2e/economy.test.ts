import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { run, until } from './harness/child.ts'
import { CountingProxy } from './harness/counting-proxy.ts'
import type { Passed } from './harness/counting-proxy.ts'
import { brought, download } from './harness/download.ts'
import { Gateway } from './harness/gateway-process.ts'
import { descriptorOf, makeImage, makeIndex, manifestOf, objectsOf } from './harness/images.ts'
import type { Descriptor } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const MB = 1_000_000

/** What a gateway asks to see whether its source lives, not for content. */
function probe({ url }: Passed): boolean {
  return /\/api\/v0\/(version|id)\b/.test(url) || /\/ipfs\/bafkqaaa\b/.test(url)
}

describeWith(['ipfs', 'umoci', 'regctl', 'skopeo'], 'what a cold pull asks of its source', () => {
  const teardown = new Teardown()
  let kubo: KuboNode
  let layout: string
  let root: string
  beforeAll(async () => {
    const folder = await tempFolder(teardown)
    layout = join(folder, 'deep', 'er', 'app')
    await makeImage(layout, 'one', { layers: [3 * MB, 5 * MB, 200_000], seed: 'economy/one' })
    await makeImage(layout, 'amd64', { layers: [4 * MB, 100_000], seed: 'economy/amd64' })
    await makeImage(layout, 'arm64', { layers: [4 * MB], seed: 'economy/arm64', architecture: 'arm64' })
    await makeIndex(layout, 'many', { amd64: 'amd64', arm64: 'arm64' })
    await makeImage(layout, 'wanted', { layers: [24 * MB, 24 * MB], seed: 'economy/wanted' })
    kubo = await KuboNode.start(teardown)
    root = await kubo.add(folder)
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  describe.each([
    ["Kubo's RPC", 'kubo', 'api'],
    ['a trustless gateway', 'gateway', 'gateway'],
    ['a trusted gateway', 'trusted-gateway', 'gateway'],
  ] as const)('%s', (_, kind, endpoint) => {
    const own = new Teardown()
    let proxy: CountingProxy
    let gateway: Gateway
    let repository: string
    beforeAll(async () => {
      proxy = await CountingProxy.start(own, kubo[endpoint])
      gateway = await Gateway.start(own, { sources: [`${kind}=${proxy.url}`] })
      repository = `ipfs/${root}/deep/er/app`
    }, 60_000)
    afterAll(() => own.run(), 60_000)

    async function pull(tag: string): Promise<{ objects: Descriptor[]; asked: Passed[] }> {
      const image = await descriptorOf(layout, tag)
      const objects = await objectsOf(layout, image.digest, image.size)
      const folder = await tempFolder(own, 'pulled')
      proxy.reset()
      await run('skopeo', [
        ...['copy', '--all', '--quiet', '--src-tls-verify=false'],
        `docker://${gateway.host}/${repository}:${tag}`,
        `oci:${folder}:${tag}`,
      ])
      return { objects, asked: proxy.requests.filter((passed) => !probe(passed)) }
    }

    test.each(['one', 'many'])(
      'one request per object and one more, and hardly a byte more: %s',
      async (tag) => {
        const { objects, asked } = await pull(tag)
        const bytes = objects.reduce((sum, object) => sum + object.size, 0)
        const list = asked.map(({ method, url, status, bytes }) => `${method} ${url} ${status} ${bytes}`)
        expect({ list, within: list.length <= objects.length + 1 }).toEqual({ list, within: true })
        expect(asked.reduce((sum, passed) => sum + passed.bytes, 0)).toBeLessThanOrEqual(1.02 * bytes)
      },
      60_000,
    )

    test('a layer that 50 clients want at once comes once', async () => {
      const layer = await wantedLayer(0)
      const got = await Promise.all(
        Array.from({ length: 50 }, () => download(`${gateway.url}/v2/${repository}/blobs/${layer.digest}`)),
      )
      expect(got.filter((each) => !brought(each, layer.digest))).toEqual([])
      const asked = proxy.requests.filter((passed) => !probe(passed))
      expect(asked.map(({ method, url }) => `${method} ${url}`)).toHaveLength(1)
      // The proofs of a trustless gateway are a few parts in a thousand.
      expect((asked[0]?.bytes ?? 0) / layer.size).toBeCloseTo(1, 2)
    }, 60_000)

    test('a layer that 20 clients go on with in the middle comes twice at most', async () => {
      const layer = await wantedLayer(1)
      const url = `${gateway.url}/v2/${repository}/blobs/${layer.digest}`
      const all = until('20 requests', async () => (await gateway.inFlight()) >= 20)
      proxy.fault = (passed) => (probe(passed) ? undefined : { kind: 'hold', until: all })
      const got = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          download(url, { headers: { range: `bytes=${12 * MB + i * 1000}-` } }),
        ),
      )
      expect(got.map(({ status, complete, bytes }) => [status, complete, bytes])).toEqual(
        got.map((_, i) => [206, true, layer.size - 12 * MB - i * 1000]),
      )
      proxy.fault = () => undefined
      expect(proxy.bytes / layer.size).toBeLessThan(2.05)
    }, 60_000)

    /** A layer that has not been fetched yet, of an image whose manifest has. */
    async function wantedLayer(index: number): Promise<Descriptor> {
      const image = await descriptorOf(layout, 'wanted')
      const layer = (await manifestOf(layout, image.digest)).layers?.[index]
      if (layer === undefined) throw new Error('no layer')
      await download(`${gateway.url}/v2/${repository}/manifests/wanted`, {
        headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
      })
      proxy.reset()
      return layer
    }
  })
})
