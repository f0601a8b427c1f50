import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from './harness/child.ts'
import { dockerPulls } from './harness/clients.ts'
import { CountingProxy } from './harness/counting-proxy.ts'
import type { Fault } from './harness/counting-proxy.ts'
import { Docker } from './harness/docker.ts'
import { brought, download, downloadUntilRight } from './harness/download.ts'
import { Gateway, repositoryOf } from './harness/gateway-process.ts'
import { downloadImage } from './harness/image-download.ts'
import type { Missing } from './harness/image-download.ts'
import { descriptorOf, makeImage, manifestOf } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { freePort } from './harness/ports.ts'
import { Registry } from './harness/registry.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const LAYER = 400_000
const NAME = 'docker.io/team/app'
const KINDS = [
  ["Kubo's RPC", 'kubo', 'api'],
  ["Kubo's gateway", 'gateway', 'gateway'],
] as const

/** One rule of a mapping. */
interface Rule {
  readonly name?: string
  readonly ipfs: string
  readonly order?: string
  readonly sources?: readonly string[]
}

describeWith(
  ['ipfs', 'registry', 'umoci', 'skopeo', 'dockerd', 'docker', 'containerd', 'runc'],
  'names that live on IPFS',
  () => {
    const teardown = new Teardown()
    let own = new Teardown()
    let folder: string
    /** Has the tags both and ipfs. The registry has both, the same bytes, and upstream, which is elsewhere. */
    let layout: string
    let elsewhere: string
    let kubo: KuboNode
    let root: string
    let registry: Registry
    let upstream: CountingProxy
    let node: Record<'api' | 'gateway', CountingProxy>
    beforeAll(async () => {
      folder = await tempFolder(teardown)
      layout = join(folder, 'mapped', 'app')
      elsewhere = join(folder, 'elsewhere')
      for (const tag of ['both', 'ipfs']) await makeImage(layout, tag, image(tag))
      await makeImage(elsewhere, 'upstream', image('upstream'))
      kubo = await KuboNode.start(teardown)
      root = await kubo.add(layout)
      registry = await Registry.start(teardown)
      await registry.push(layout, 'both', 'team/app')
      await registry.push(elsewhere, 'upstream', 'team/app')
      upstream = await CountingProxy.start(teardown, registry.url)
      node = {
        api: await CountingProxy.start(teardown, kubo.api),
        gateway: await CountingProxy.start(teardown, kubo.gateway),
      }
    }, 120_000)
    afterEach(async () => {
      for (const proxy of [upstream, node.api, node.gateway]) {
        proxy.fault = () => undefined
        proxy.reset()
      }
      await own.run()
      own = new Teardown()
    })
    afterAll(() => teardown.run(), 60_000)

    function image(tag: string): { layers: number[]; seed: string } {
      return { layers: [20_000, LAYER], seed: `mapping/${tag}` }
    }

    async function lastLayer(tag: string): Promise<string> {
      const { layers } = await manifestOf(layout, (await descriptorOf(layout, tag)).digest)
      return layers?.at(-1)?.digest ?? ''
    }

    async function writeRules(path: string, ...rules: readonly Rule[]): Promise<string> {
      await writeFile(path, JSON.stringify({ names: rules.map((rule) => ({ name: NAME, ...rule })) }))
      return path
    }

    /** A gateway that has nothing yet, with a mapping. */
    async function start(source: string, map: string, ...flags: string[]): Promise<Gateway> {
      return Gateway.start(own, {
        sources: [source],
        flags: ['--upstream', `docker.io=${upstream.url}`, '--map', map, ...flags],
      })
    }

    async function startWith(
      rule: Rule,
      source = `kubo=${node.api.url}`,
      ...flags: string[]
    ): Promise<Gateway> {
      return start(source, await writeRules(join(await tempFolder(own), 'map.yaml'), rule), ...flags)
    }

    async function missing(gateway: Gateway, from: string, tag: string): Promise<Missing[]> {
      return downloadImage(`${gateway.url}/v2/team/app`, from, tag)
    }

    /** Make a place unreachable for what is behind it. */
    const gone: () => Fault = () => ({ kind: 'answer', status: 503 })

    describe.each(KINDS)('%s', (_, kind, endpoint) => {
      const source = (): string => `${kind}=${node[endpoint].url}`

      test('a name comes from IPFS while the registry is stopped', async () => {
        const gateway = await startWith({ ipfs: `/ipfs/${root}` }, source())
        await registry.down()
        try {
          for (const tag of ['both', 'ipfs']) expect(await missing(gateway, layout, tag)).toEqual([])
        } finally {
          await registry.up()
        }
      }, 60_000)

      test('a name comes from the registry while Kubo is stopped', async () => {
        const gateway = await startWith({ ipfs: `/ipfs/${root}` }, source())
        await kubo.down()
        try {
          expect(await missing(gateway, layout, 'both')).toEqual([])
        } finally {
          await kubo.up()
        }
      }, 60_000)

      test('what IPFS has not got comes from the registry, and nothing that it has', async () => {
        const gateway = await startWith({ ipfs: `/ipfs/${root}` }, source(), '--map-wait', '20s')
        expect(await missing(gateway, layout, 'both')).toEqual([])
        expect(upstream.requests).toEqual([])
        expect(await missing(gateway, elsewhere, 'upstream')).toEqual([])
      }, 60_000)

      test('upstream-first asks IPFS for what the registry has not got, and for nothing else', async () => {
        const rule = { ipfs: `/ipfs/${root}`, order: 'upstream-first' }
        const gateway = await startWith(rule, source(), '--map-wait', '20s')
        expect(await missing(gateway, layout, 'both')).toEqual([])
        expect(node[endpoint].requests.filter(({ url }) => url.includes(root))).toEqual([])
        expect(await missing(gateway, layout, 'ipfs')).toEqual([])
      }, 60_000)

      test('ipfs-only never asks the registry', async () => {
        const gateway = await startWith({ ipfs: `/ipfs/${root}`, order: 'ipfs-only' }, source())
        expect(await missing(gateway, layout, 'ipfs')).toEqual([])
        const repository = `${gateway.url}/v2/team/app`
        expect((await download(`${repository}/manifests/upstream`)).status).toBe(404)
        const tags = await download(`${repository}/tags/list`)
        expect(JSON.parse(tags.text)).toEqual({ name: 'team/app', tags: ['both', 'ipfs'] })
        node[endpoint].fault = gone
        const layer = await lastLayer('both')
        expect([502, 503, 504]).toContain((await download(`${repository}/blobs/${layer}`)).status)
        expect(upstream.requests).toEqual([])
      }, 60_000)

      test.each(['IPFS', 'the registry', 'both'])(
        'wrong bytes of %s never come whole',
        async (liar) => {
          const gateway = await startWith({ ipfs: `/ipfs/${root}` }, source(), '--stall-timeout', '1s')
          const { layers } = await manifestOf(layout, (await descriptorOf(layout, 'both')).digest)
          const digest = layers?.at(-1)?.digest ?? ''
          const flip = ({ url }: { url: string }): Fault | undefined =>
            /blobs|cat/.test(url) ? { kind: 'flip', offset: 300_000 } : undefined
          if (liar !== 'the registry') node[endpoint].fault = flip
          if (liar !== 'IPFS') upstream.fault = flip
          const url = `${gateway.url}/v2/team/app/blobs/${digest}`
          await download(`${gateway.url}/v2/team/app/manifests/both`)
          for (let times = 0; times < 3; times += 1) {
            const got = await download(url)
            if (got.status === 200 && got.complete) expect(got.digest).toBe(digest)
          }
          // What the RPC gives is believed up to its end: then the client must ask again.
          if (liar !== 'both') await downloadUntilRight(url, digest)
        },
        60_000,
      )
    })

    test("a name comes from the gateway's own store, which alone is asked for it", async () => {
      const path = await writeRules(join(folder, 'later.yaml'), { ipfs: `/ipfs/${root}` })
      const gateway = await Gateway.start(own, {
        sources: ['embedded', `kubo=${node.api.url}`],
        flags: ['--upstream', `docker.io=${upstream.url}`, '--map', path],
      })
      const ipfs = `/${repositoryOf(await gateway.publish(layout))}`
      await writeRules(path, { ipfs, order: 'ipfs-only', sources: ['embedded'] })
      const inForce = /mapping of names .* is in force/g
      await until('the new rules', () => (gateway.process.output().match(inForce)?.length ?? 0) >= 2)
      node.api.reset()
      expect(await missing(gateway, layout, 'ipfs')).toEqual([])
      expect((await download(`${gateway.url}/v2/team/app/manifests/none`)).status).toBe(404)
      expect(node.api.requests.filter(({ url }) => !/\/(version|id)\b/.test(url))).toEqual([])
      expect(upstream.requests).toEqual([])
    }, 60_000)

    test('a mutable name, and the mapping itself under one, are followed when they move', async () => {
      const rules = join(folder, 'published.yaml')
      const key = (name: string): string[] => ['--key', name, '--ttl', '1s']
      for (const name of ['images', 'rules']) await kubo.ipfs(['key', 'gen', name])
      const images = await kubo.publishName(root, ...key('images'))
      await writeRules(rules, { ipfs: `/ipns/${images}`, order: 'ipfs-only' })
      const mapping = await kubo.publishName(await kubo.add(rules), ...key('rules'))
      const gateway = await start(
        `kubo=${kubo.api}`,
        `/ipns/${mapping}`,
        ...['--ipns-ttl-min', '1s', '--ipns-ttl-max', '2s'],
      )
      expect(await missing(gateway, layout, 'ipfs')).toEqual([])

      const newer = join(folder, 'newer')
      await makeImage(newer, 'ipfs', { layers: [LAYER], seed: 'mapping/newer' })
      await kubo.publishName(await kubo.add(newer), ...key('images'))
      const moved = await descriptorOf(newer, 'ipfs')
      const byTag = `${gateway.url}/v2/team/app/manifests/ipfs`
      await until('the newer image', async () => brought(await download(byTag), moved.digest), {
        timeout: 45_000,
      })

      await writeRules(rules, { ipfs: `/ipfs/${root}`, order: 'ipfs-only' })
      await kubo.publishName(await kubo.add(rules), ...key('rules'))
      const { digest } = await descriptorOf(layout, 'ipfs')
      await until('the newer rules', async () => brought(await download(byTag), digest), { timeout: 45_000 })
      expect(upstream.requests).toEqual([])
    }, 120_000)

    test('a file that is broken later changes nothing, and is told', async () => {
      const path = await writeRules(join(folder, 'broken.yaml'), {
        ipfs: `/ipfs/${root}`,
        order: 'ipfs-only',
      })
      const gateway = await start(`kubo=${kubo.api}`, path)
      await writeFile(path, (await readFile(path, 'utf8')).replace('ipfs-only', 'ipfs-onyl'))
      await until('the log', () => /there is no order .*ipfs-onyl/.test(gateway.process.output()))
      expect(await missing(gateway, layout, 'ipfs')).toEqual([])
      expect(upstream.requests).toEqual([])
    }, 60_000)

    test('a plain docker pull comes from IPFS, by a mirror, while the registry is stopped', async () => {
      const mirror = `127.0.0.1:${await freePort()}`
      const gateway = await startWith(
        { ipfs: `/ipfs/${root}` },
        `kubo=${kubo.api}`,
        ...['--mirror', `${mirror}=docker.io`],
      )
      const docker = await Docker.start(own, { settings: { 'registry-mirrors': [`http://${mirror}`] } })
      await registry.down()
      try {
        const pulled = await dockerPulls(docker)({ reference: 'team/app:ipfs', everyPlatform: false })
        const image = await descriptorOf(layout, 'ipfs')
        const { config } = await manifestOf(layout, image.digest)
        expect(pulled).toEqual({ digests: [config?.digest], digest: image.digest })
      } finally {
        await registry.up()
      }
      await gateway.down()
    }, 90_000)
  },
)
