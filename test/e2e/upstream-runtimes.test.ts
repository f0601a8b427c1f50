import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { digestsToHave } from './harness/clients.ts'
import { CountingProxy } from './harness/counting-proxy.ts'
import type { Fault } from './harness/counting-proxy.ts'
import { download } from './harness/download.ts'
import { Gateway } from './harness/gateway-process.ts'
import { Hub } from './harness/hub.ts'
import { descriptorOf, makeImage, makeIndex, manifestOf } from './harness/images.ts'
import type { Descriptor } from './harness/images.ts'
import { freePort } from './harness/ports.ts'
import { Registry } from './harness/registry.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'
import { REGISTRIES, RUNTIMES, startRuntimes } from './harness/ways-in.ts'
import type { RegistryName, WayIn } from './harness/ways-in.ts'

const LAYER = 600_000
/** Known before the runtimes have started. */
const WAYS = [
  'docker, the default registry',
  'containerd, the default registry',
  'podman, the default registry',
  'docker, a registry by path',
  'containerd, a registry by path',
  'podman, a registry by path',
]
const MIRRORED_WAYS = [
  'docker, registry-mirrors',
  'containerd, hosts.toml for docker.io',
  'podman, registries.conf for docker.io',
  'containerd, hosts.toml for registry.example',
]
/** Nothing in its requests shows that there is a registry to go on to. */
const MIRRORED_BY_PATH = 'podman, registries.conf for registry.example'

/** What stands between the gateway and a registry. */
interface Upstream {
  readonly registry: Registry
  readonly proxy: CountingProxy
}

describeWith([...RUNTIMES, 'registry', 'docker-registry', 'umoci', 'regctl', 'skopeo'], 'the ways in', () => {
  const teardown = new Teardown()
  let layout: string
  let hub: Hub
  let gateway: Gateway
  let upstreams: Record<RegistryName, Upstream>
  let ways: readonly WayIn[]
  let count = 0
  beforeAll(async () => {
    layout = join(await tempFolder(teardown), 'app')
    await makeImage(layout, 'arm64', { layers: [5_000], seed: 'ways/arm64', architecture: 'arm64' })
    hub = await Hub.start(teardown, 'registry.example')
    upstreams = {
      'docker.io': await startUpstream('registry'),
      'registry.example': await startUpstream('docker-registry'),
    }
    const mirror = `127.0.0.1:${await freePort()}`
    gateway = await Gateway.start(teardown, {
      sources: ['embedded'],
      flags: [
        ...REGISTRIES.flatMap((name) => ['--upstream', `${name}=${upstreams[name].proxy.url}`]),
        ...['--mirror', `${mirror}=docker.io`, '--mirror-timeout', '3s', '--answer-timeout', '4s'],
        ...['--tag-ttl', '0'],
      ],
    })
    ways = await startRuntimes(teardown, { main: gateway.host, mirror }, hub)
  }, 120_000)
  afterEach(() => {
    for (const { proxy } of Object.values(upstreams)) proxy.fault = () => undefined
    hub.asked.length = 0
  })
  afterAll(() => teardown.run(), 60_000)

  async function startUpstream(program: 'registry' | 'docker-registry'): Promise<Upstream> {
    const registry = await Registry.start(teardown, { program })
    return { registry, proxy: await CountingProxy.start(teardown, registry.url) }
  }

  function wayOf(title: string): WayIn {
    const found = ways.find((way) => way.title === title)
    if (found === undefined) throw new Error(`no way ${title}`)
    return found
  }

  /** Put an image that nobody has asked for yet into registries: `<repository>:<tag>`. */
  async function offer(...registries: readonly Registry[]): Promise<string> {
    const tag = `v${++count}`
    await makeImage(layout, `${tag}-amd64`, { layers: [20_000, LAYER], seed: `ways/${tag}` })
    await makeIndex(layout, tag, { amd64: `${tag}-amd64`, arm64: 'arm64' })
    for (const registry of registries) await registry.push(layout, tag, 'team/app')
    return `team/app:${tag}`
  }

  function tagOf(image: string): string {
    return image.slice(image.indexOf(':') + 1)
  }

  async function offered(image: string): Promise<Descriptor> {
    return descriptorOf(layout, tagOf(image))
  }

  async function expectPulled(way: WayIn, image: string): Promise<void> {
    const pulled = await way.pull({ reference: `${way.prefix}${image}`, everyPlatform: true })
    const top = await offered(image)
    const wanted = await digestsToHave(way.keepsIndex, layout, top)
    expect(pulled.digests).toEqual(expect.arrayContaining(wanted))
    if (pulled.digest !== undefined) expect(pulled.digest).toBe(top.digest)
  }

  test.each([...WAYS, ...MIRRORED_WAYS, MIRRORED_BY_PATH])(
    '%s: cold, warm, and with the registry stopped',
    async (title) => {
      const way = wayOf(title)
      const { registry, proxy } = upstreams[way.registry]
      const image = await offer(registry)

      proxy.reset()
      await expectPulled(way, image)
      expect(proxy.bytes).toBeGreaterThan(LAYER)

      proxy.reset()
      await expectPulled(way, image)
      expect(proxy.bytes).toBeLessThan(LAYER / 10)

      await registry.down()
      try {
        await expectPulled(way, image)
      } finally {
        await registry.up()
      }
      expect(hub.asked).toEqual([])
    },
    90_000,
  )

  describe.each([...MIRRORED_WAYS, MIRRORED_BY_PATH])('%s, goes on to the registry itself', (title) => {
    test('when the gateway can reach none and has nothing', async () => {
      const way = wayOf(title)
      const { registry } = upstreams[way.registry]
      const image = await offer(hub.registry)
      await registry.down()
      try {
        await expectPulled(way, image)
      } finally {
        await registry.up()
      }
      expectHubAsked(way)
    }, 60_000)

    test.each([
      ['the upstream has not got it', undefined],
      ['the upstream is silent', { kind: 'mute' }],
      ['the upstream answers with a web page', htmlPage()],
    ] as const)(
      'when %s',
      async (_, fault) => {
        const way = wayOf(title)
        upstreams[way.registry].proxy.fault = () => fault
        await expectPulled(way, await offer(hub.registry))
        expectHubAsked(way)
      },
      60_000,
    )
  })

  // Podman asks for all of an image where it got the manifest.
  test.each(MIRRORED_WAYS.filter((title) => !title.startsWith('podman')))(
    '%s, goes on for layers that the gateway has not, though it has the manifests',
    async (title) => {
      const way = wayOf(title)
      const { registry } = upstreams[way.registry]
      const image = await offer(registry, hub.registry)
      const { digest } = await offered(image)
      const { manifests = [] } = await manifestOf(layout, digest)
      const path = way.registry === 'docker.io' ? 'team/app' : `${way.registry}/team/app`
      for (const reference of [tagOf(image), ...manifests.map((one) => one.digest)]) {
        const got = await download(`${gateway.url}/v2/${path}/manifests/${reference}`)
        expect(got.status).toBe(200)
      }
      await registry.down()
      try {
        await expectPulled(way, image)
      } finally {
        await registry.up()
      }
      expectHubAsked(way)
    },
    60_000,
  )

  // Podman would wait as long as a mirror tells it to.
  test.each(MIRRORED_WAYS)('%s, goes on at once when the upstream limits requests', async (title) => {
    const way = wayOf(title)
    const headers = { 'retry-after': '60' }
    upstreams[way.registry].proxy.fault = () => ({ kind: 'answer', status: 429, headers })
    try {
      await expectPulled(way, await offer(hub.registry))
      expectHubAsked(way)
    } finally {
      // It has been told to leave the registry alone.
      await gateway.down()
      await gateway.up()
    }
  })

  function expectHubAsked({ registry }: WayIn): void {
    expect(hub.asked).toContain(registry === 'docker.io' ? 'registry-1.docker.io:443' : `${registry}:443`)
  }

  test.each(WAYS)(
    '%s: fails, and is told why, when the gateway can reach none and has nothing',
    async (title) => {
      const way = wayOf(title)
      const { registry } = upstreams[way.registry]
      const reference = `${way.prefix}${await offer(hub.registry)}`
      await registry.down()
      try {
        await expect(way.pull({ reference, everyPlatform: true })).rejects.toThrow(/50[234]/)
      } finally {
        await registry.up()
      }
      expect(hub.asked).toEqual([])
    },
    60_000,
  )

  test('docker.io is where its name says, unless told otherwise', async () => {
    const own = await Gateway.start(teardown, {
      flags: ['--upstream', `docker.io;ca=${hub.authority}`],
      env: hub.environment,
    })
    const image = await offer(hub.registry)
    const way = { ...wayOf('docker, the default registry'), prefix: `${own.host}/` }
    await expectPulled(way, image)
    expectHubAsked(way)
  }, 60_000)
})

function htmlPage(): Fault {
  const headers = { 'content-type': 'text/html' }
  return { kind: 'answer', status: 200, headers, body: '<html><body>Log in to the network</body></html>' }
}
