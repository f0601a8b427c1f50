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
      // Every test has images of its own, so that each is cold.
      for (const name of ['once', 'pulled']) {
        await makeImage(layout, `${name}-amd64`, { layers: [3 * MB, 200_000], seed: `${name}/amd64` })
        const arm64 = { layers: [2 * MB], seed: `${name}/arm64`, architecture: 'arm64' }
        await makeImage(layout, `${name}-arm64`, arm64)
        await makeIndex(layout, name, { amd64: `${name}-amd64`, arm64: `${name}-arm64` })
      }
      for (const name of ['wanted', 'shared']) {
        await makeImage(layout, name, { layers: [3 * MB, 200_000], seed: `upstream/${name}` })
      }
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

    /** Put an image into a repository; forget what was asked before. */
    async function offer(tag: string, repository: string): Promise<void> {
      await registry.push(layout, tag, repository)
      tokens.requests.length = 0
      proxy.reset()
    }

    /** What was asked and given; what is asked first without a token, is refused. */
    function given(): Passed[] {
      return proxy.requests.filter(({ status, url }) => status !== 401 && url !== '/v2/')
    }

    function expectOneToken(repository: string): void {
      expect(tokens.requests.map(({ scopes, status }) => ({ scopes, status }))).toEqual([
        { scopes: [`repository:${repository}:pull`], status: 200 },
      ])
      expect(proxy.requests.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(1)
    }

    test('one request for each object of an image, and each byte once', async () => {
      await offer('once', 'library/once')
      const image = await descriptorOf(layout, 'once')
      const objects = await objectsOf(layout, image.digest, image.size)
      const pull = await skopeo.start(teardown)
      await pull({ reference: `${gateway.host}/library/once:once`, everyPlatform: true })
      const asked = given().map(({ method, url }) => `${method} ${url}`)
      expect({ asked, count: asked.length }).toEqual({ asked, count: objects.length })
      const bytes = given().reduce((sum, passed) => sum + passed.bytes, 0)
      expect(bytes).toBe(objects.reduce((sum, object) => sum + object.size, 0))
      expectOneToken('library/once')
    }, 60_000)

    test(`${CLIENTS} clients at once, cold: each object once, and one token`, async () => {
      await offer('wanted', 'library/wanted')
      const { digest: manifest } = await descriptorOf(layout, 'wanted')
      const paths = (await pathsOf(layout, 'wanted')).filter(([path]) => path !== `manifests/${manifest}`)
      for (const [path, digest] of paths) {
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
      expectOneToken('library/wanted')
    }, 60_000)

    test(`${CLIENTS} clients that want different tags of a repository at once: one token`, async () => {
      await offer('wanted', 'library/tags')
      const { digest } = await descriptorOf(layout, 'wanted')
      const all = until(`${CLIENTS} requests`, async () => (await gateway.inFlight()) >= CLIENTS)
      proxy.fault = () => ({ kind: 'hold', until: all })
      const got = await Promise.all(
        Array.from({ length: CLIENTS }, (_, i) => {
          const tag = i === 0 ? 'wanted' : `none-${i}`
          return download(`${gateway.url}/v2/library/tags/manifests/${tag}`)
        }),
      )
      expect(got.map(({ status }) => status)).toEqual(got.map((_, i) => (i === 0 ? 200 : 404)))
      expect(got[0]?.digest).toBe(digest)
      expect(tokens.requests).toHaveLength(1)
    }, 60_000)

    test(`${2 * PROGRAMS} programs at once, cold: each object once, and one token`, async () => {
      await offer('pulled', 'library/pulled')
      const image = await descriptorOf(layout, 'pulled')
      const starts = Array.from({ length: PROGRAMS }, () => [crane, skopeo]).flat()
      const pulls = await Promise.all(starts.map(async (client): Promise<PullBy> => client.start(teardown)))
      const reference = `${gateway.host}/library/pulled:pulled`
      const pulled = await Promise.all(pulls.map((pull) => pull({ reference, everyPlatform: true })))
      const wanted = await digestsToHave(true, layout, image)
      for (const { digests } of pulled) expect(digests).toEqual(expect.arrayContaining(wanted))
      expectEachOnce()
      expectOneToken('library/pulled')
    }, 90_000)

    test('a layer that another repository brought is not fetched again', async () => {
      const [layer] = (await pathsOf(layout, 'shared'))
        .filter(([path]) => path.startsWith('blobs/'))
        .slice(-1)
      if (layer === undefined) throw new Error('no layer')
      const [path, digest] = layer
      for (const repository of ['team/first', 'team/second']) {
        await offer('shared', repository)
        await download(`${gateway.url}/v2/${repository}/manifests/shared`)
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
