import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { until } from './harness/child.ts'
import { crane, digestsToHave, skopeo } from './harness/clients.ts'
import type { PullBy } from './harness/clients.ts'
import { CountingProxy } from './harness/counting-proxy.ts'
import type { Passed } from './harness/counting-proxy.ts'
import { brought, download } from './harness/download.ts'
import { Gateway } from './harness/gateway-process.ts'
import { pathsOf } from './harness/image-download.ts'
import { descriptorOf, makeImage, makeIndex, objectsOf } from './harness/images.ts'
import { Registry, USER } from './harness/registry.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { TokenServer } from './harness/token-server.ts'
import { describeWith } from './harness/tools.ts'

const MB = 1_000_000
const CLIENTS = 50
/** Of crane and of skopeo each. */
const PROGRAMS = 8

describeWith(
  ['registry', 'umoci', 'regctl', 'skopeo', 'crane'],
  'what pulls ask of an upstream with tokens',
  () => {
    const teardown = new Teardown()
    let layout: string
    let tokens: TokenServer
    let registry: Registry
    let proxy: CountingProxy
    let gateway: Gateway
    beforeAll(async () => {
      layout = join(await tempFolder(teardown), 'app')
      await makeImage(layout, 'amd64', { layers: [3 * MB, 200_000], seed: 'upstream/amd64' })
      await makeImage(layout, 'arm64', { layers: [2 * MB], seed: 'upstream/arm64', architecture: 'arm64' })
      await makeIndex(layout, 'many', { amd64: 'amd64', arm64: 'arm64' })
      tokens = await TokenServer.start(teardown)
      registry = await Registry.start(teardown, { auth: tokens })
      proxy = await CountingProxy.start(teardown, registry.url)
      const upstream = `docker.io=${proxy.url};username=${USER.username};password=${USER.password}`
      gateway = await Gateway.start(teardown, { sources: ['embedded'], flags: ['--upstream', upstream] })
    }, 90_000)
    afterEach(() => {
      proxy.fault = () => undefined
    })
    afterAll(() => teardown.run(), 60_000)

    /** Put an image into a repository that nobody has asked for; forget what was asked before. */
    async function offer(repository: string, tag: string): Promise<void> {
      await registry.push(layout, tag, repository)
      tokens.requests.length = 0
      proxy.reset()
    }

    /** What was asked and given; what is asked first without a token, is refused. */
    function given(): Passed[] {
      return proxy.requests.filter(({ status, url }) => status !== 401 && url !== '/v2/')
    }

    function expectTokensOnce(repository: string): void {
      expect(tokens.requests.map(({ scopes, status }) => ({ scopes, status }))).toEqual([
        { scopes: [`repository:${repository}:pull`], status: 200 },
      ])
      expect(proxy.requests.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(1)
    }

    test('one request for each object of an image, and each byte once', async () => {
      await offer('library/once', 'many')
      const image = await descriptorOf(layout, 'many')
      const objects = await objectsOf(layout, image.digest, image.size)
      const pull = await skopeo.start(teardown)
      await pull({ reference: `${gateway.host}/library/once:many`, everyPlatform: true })
      const asked = given().map(({ method, url }) => `${method} ${url}`)
      expect({ asked, count: asked.length }).toEqual({ asked, count: objects.length })
      const bytes = given().reduce((sum, passed) => sum + passed.bytes, 0)
      expect(bytes).toBe(objects.reduce((sum, object) => sum + object.size, 0))
      expectTokensOnce('library/once')
    }, 60_000)

    test(`${CLIENTS} clients at once, cold: each object once, and one token`, async () => {
      await offer('library/wanted', 'amd64')
      for (const [path, digest] of await pathsOf(layout, 'amd64')) {
        // The first answer comes when all are waiting for it.
        const all = until(`${CLIENTS} requests`, async () => (await gateway.inFlight()) >= CLIENTS)
        proxy.fault = ({ url }) => (url.endsWith(path) ? { kind: 'hold', until: all } : undefined)
        const url = `${gateway.url}/v2/library/wanted/${path}`
        const got = await Promise.all(
          Array.from({ length: CLIENTS }, async () => {
            const one = await download(url)
            return { ...one, right: brought(one, digest) }
          }),
        )
        expect(got.filter(({ right }) => !right)).toEqual([])
      }
      expectEachOnce()
      expectTokensOnce('library/wanted')
    }, 60_000)

    test(`${2 * PROGRAMS} programs at once, cold: each object once, and one token`, async () => {
      await offer('library/pulled', 'many')
      const image = await descriptorOf(layout, 'many')
      const starts = Array.from({ length: PROGRAMS }, () => [crane, skopeo]).flat()
      const pulls = await Promise.all(starts.map(async (client): Promise<PullBy> => client.start(teardown)))
      const reference = `${gateway.host}/library/pulled:many`
      const pulled = await Promise.all(pulls.map((pull) => pull({ reference, everyPlatform: true })))
      const wanted = await digestsToHave(true, layout, image)
      for (const { digests } of pulled) expect(digests).toEqual(expect.arrayContaining(wanted))
      expectEachOnce()
      expectTokensOnce('library/pulled')
    }, 90_000)

    test('a layer that another repository brought is not fetched again', async () => {
      const [layer] = (await pathsOf(layout, 'arm64')).filter(([path]) => path.startsWith('blobs/')).slice(-1)
      if (layer === undefined) throw new Error('no layer')
      const [path, digest] = layer
      for (const repository of ['team/first', 'team/second']) {
        await offer(repository, 'arm64')
        await download(`${gateway.url}/v2/${repository}/manifests/arm64`)
        const got = await download(`${gateway.url}/v2/${repository}/${path}`)
        expect({ ...got, right: brought(got, digest) }).toEqual({ ...got, right: true })
      }
      expect(given().filter(({ method, url }) => method === 'GET' && url.endsWith(path))).toEqual([])
    }, 60_000)

    function expectEachOnce(): void {
      const asked = given()
        .filter(({ method }) => method === 'GET')
        .map(({ url }) => url)
      expect(asked.filter((url, i) => asked.indexOf(url) !== i)).toEqual([])
    }
  },
)
