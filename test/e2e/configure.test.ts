import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './harness/child.ts'
import { ctrPulls, dockerPulls, podmanPulls } from './harness/clients.ts'
import type { PullBy } from './harness/clients.ts'
import { Containerd } from './harness/containerd.ts'
import { Docker } from './harness/docker.ts'
import { Gateway } from './harness/gateway-process.ts'
import { Hub } from './harness/hub.ts'
import { descriptorOf, makeImage } from './harness/images.ts'
import { Podman } from './harness/podman.ts'
import { freePort } from './harness/ports.ts'
import { Registry } from './harness/registry.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'
import { RUNTIMES } from './harness/ways-in.ts'

const REGISTRY = 'registry.example'
const FILES = {
  'etc/docker/daemon.json': '{\n    "max-concurrent-downloads": 2\n}\n',
  'etc/containerd/config.toml': '# mine\nversion = 2\n\n[plugins]\n  [plugins."io.containerd.grpc.v1.cri"]\n',
  'etc/containers/registries.conf': 'unqualified-search-registries = ["docker.io"] # as ever\n',
  'etc/rancher/k3s/registries.yaml': 'configs: {} # none\n',
}

describeWith([...RUNTIMES, 'registry', 'umoci', 'skopeo'], 'configure --write', () => {
  const teardown = new Teardown()
  let root: string
  let layout: string
  let gateway: Gateway
  let hub: Hub
  let registry: Registry
  let settings: readonly string[]
  let count = 0
  beforeAll(async () => {
    root = await tempFolder(teardown, 'system')
    layout = join(await tempFolder(teardown), 'alpine')
    for (const [path, text] of Object.entries(FILES)) {
      await mkdir(join(root, path, '..'), { recursive: true })
      await writeFile(join(root, path), text)
    }
    hub = await Hub.start(teardown, REGISTRY)
    registry = await Registry.start(teardown)
    const mirror = `127.0.0.1:${await freePort()}=docker.io`
    const upstreams = ['docker.io', REGISTRY].flatMap((name) => ['--upstream', `${name}=${registry.url}`])
    gateway = await Gateway.start(teardown, {
      sources: ['embedded'],
      flags: [...upstreams, '--mirror', mirror],
    })
    settings = [...upstreams, '--mirror', mirror, '--listen', gateway.host]
    for (const runtime of ['docker', 'containerd', 'podman', 'k3s']) await configure(runtime, '--write')
  }, 120_000)
  afterEach(() => {
    hub.asked.length = 0
  })
  afterAll(() => teardown.run(), 60_000)

  function configure(runtime: string, ...flags: readonly string[]): Promise<string> {
    return gateway.command(['configure', runtime, '--system-root', root, ...settings, ...flags])
  }

  /** An image that nobody has asked for yet; its tag. */
  async function offer(): Promise<string> {
    const tag = `3.${++count}`
    await makeImage(layout, tag, { layers: [20_000], seed: `configure/${tag}` })
    await registry.push(layout, tag, 'library/alpine')
    return tag
  }

  /** It comes, and by nobody but the gateway. */
  async function expectPulled(pull: PullBy, name: string): Promise<void> {
    const tag = await offer()
    const { digest } = await pull({ reference: `${name}:${tag}`, everyPlatform: false })
    expect(digest).toBe((await descriptorOf(layout, tag)).digest)
    expect(hub.asked).toEqual([])
  }

  test('docker pulls by its plain name', async () => {
    const configFile = join(root, 'etc/docker/daemon.json')
    const docker = await Docker.start(teardown, { configFile, env: hub.environment })
    await expectPulled(dockerPulls(docker), 'library/alpine')
    await expectPulled(dockerPulls(docker), 'alpine')
  }, 90_000)

  test.each(['docker.io', REGISTRY])(
    'containerd pulls from %s',
    async (name) => {
      const flags = ['--hosts-dir', join(root, 'etc/containerd/certs.d')]
      const pull = ctrPulls(await Containerd.start(teardown), { flags, env: hub.environment })
      await expectPulled(pull, `${name}/library/alpine`)
    },
    60_000,
  )

  test('containerd takes its configuration', async () => {
    const config = join(root, 'etc/containerd/config.toml')
    const dump = await run('containerd', ['--config', config, 'config', 'dump'])
    expect(dump).toContain('config_path = "/etc/containerd/certs.d"')
  })

  test.each(['alpine', 'docker.io/library/alpine', `${REGISTRY}/library/alpine`])(
    'podman pulls %s',
    async (name) => {
      const home = await tempFolder(teardown, 'home')
      await mkdir(join(home, '.config'))
      await symlink(join(root, 'etc/containers'), join(home, '.config/containers'))
      const pull = podmanPulls(await Podman.start(teardown), { env: { ...hub.environment, HOME: home } })
      await expectPulled(pull, name)
    },
    60_000,
  )

  test('a second time nothing changes, and --remove leaves every file as it was', async () => {
    for (const runtime of ['docker', 'containerd', 'podman', 'crio', 'k3s']) {
      expect(await configure(runtime, '--write')).not.toMatch(/: (?:written|changed|removed)/)
    }
    const before = await filesBelow(root)
    await writeFile(join(root, 'etc/rancher/k3s/registries.yaml'), 'mirrors: {', { flag: 'a' })
    await expect(configure('k3s', '--write')).rejects.toThrow(/registries\.yaml line \d+: is no YAML/)
    await writeFile(
      join(root, 'etc/rancher/k3s/registries.yaml'),
      before['etc/rancher/k3s/registries.yaml'] ?? '',
    )
    for (const runtime of ['docker', 'containerd', 'podman', 'k3s']) await configure(runtime, '--remove')
    expect(await filesBelow(root)).toEqual(FILES)
  }, 60_000)
})

async function filesBelow(folder: string): Promise<Record<string, string>> {
  const paths = (await run('find', ['.', '-type', 'f'], { cwd: folder })).trim().split('\n')
  return Object.fromEntries(
    await Promise.all(paths.map(async (path) => [path.slice(2), await readFile(join(folder, path), 'utf8')])),
  ) as Record<string, string>
}
