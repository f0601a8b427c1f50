import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ctrPulls, dockerPulls, podmanPulls } from './clients.ts'
import type { PullBy } from './clients.ts'
import { Containerd } from './containerd.ts'
import { Docker } from './docker.ts'
import type { Hub } from './hub.ts'
import { Podman } from './podman.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'

/** Programs that {@link startRuntimes} needs. */
export const RUNTIMES = ['dockerd', 'docker', 'containerd', 'ctr', 'podman', 'runc', 'openssl'] as const

/** The addresses of a gateway, `127.0.0.1:<port>` each. */
export interface Doors {
  readonly main: string
  /** Listener that is the mirror of docker.io. */
  readonly mirror: string
}

/** docker.io, which names without a registry mean, and another. */
export const REGISTRIES = ['docker.io', 'registry.example'] as const
export type RegistryName = (typeof REGISTRIES)[number]

/** A way by which a user's pull comes to the gateway. */
export interface WayIn {
  readonly title: string
  readonly registry: RegistryName
  readonly pull: PullBy
  /** What the user types before `<repository>:<tag>`. */
  readonly prefix: string
  /** As a client has it that can keep an image of many platforms whole. */
  readonly keepsIndex: boolean
  /** Whether the runtime is to go on to the registry itself when the gateway has not what is asked for. */
  readonly isMirror: boolean
}

/** The container runtimes, set up as mirrors' users set them up, each going on to the hub. */
export async function startRuntimes(teardown: Teardown, doors: Doors, hub: Hub): Promise<WayIn[]> {
  const settings = { 'registry-mirrors': [`http://${doors.mirror}`] }
  const [folder, dockerd, containerd, podman] = await Promise.all([
    tempFolder(teardown, 'runtimes'),
    Docker.start(teardown, { settings, env: hub.environment }),
    Containerd.start(teardown),
    Podman.start(teardown),
  ])
  const hosts = await writeHosts(join(folder, 'certs.d'), doors)
  const registries = join(folder, 'registries.conf')
  await writeFile(registries, registriesConf(doors))

  const docker = { pull: dockerPulls(dockerd), keepsIndex: false }
  const ctr = { pull: ctrPulls(containerd, { flags: ['--plain-http'] }), keepsIndex: true }
  const ctrMirrored = {
    pull: ctrPulls(containerd, { flags: ['--hosts-dir', hosts], env: hub.environment }),
    keepsIndex: true,
  }
  const env = { ...hub.environment, CONTAINERS_REGISTRIES_CONF: registries }
  const pod = { pull: podmanPulls(podman, { flags: ['--tls-verify=false'] }), keepsIndex: false }
  const podMirrored = { pull: podmanPulls(podman, { env }), keepsIndex: false }

  const [hubName, other] = REGISTRIES
  const direct = { registry: hubName, prefix: `${doors.main}/`, isMirror: false }
  const byPath = { registry: other, prefix: `${doors.main}/${other}/`, isMirror: false }
  return [
    { title: 'docker, the default registry', ...docker, ...direct },
    { title: 'containerd, the default registry', ...ctr, ...direct },
    { title: 'podman, the default registry', ...pod, ...direct },
    { title: 'docker, a registry by path', ...docker, ...byPath },
    { title: 'containerd, a registry by path', ...ctr, ...byPath },
    { title: 'podman, a registry by path', ...pod, ...byPath },
    { title: 'docker, registry-mirrors', ...docker, registry: hubName, prefix: '', isMirror: true },
    ...REGISTRIES.flatMap((registry) => {
      const mirrored = { registry, prefix: `${registry}/`, isMirror: true }
      return [
        { title: `containerd, hosts.toml for ${registry}`, ...ctrMirrored, ...mirrored },
        { title: `podman, registries.conf for ${registry}`, ...podMirrored, ...mirrored },
      ]
    }),
  ]
}

/** containerd's registry host configuration: one address for all, told apart by `?ns=`. */
async function writeHosts(folder: string, { main }: Doors): Promise<string> {
  for (const registry of REGISTRIES) {
    await mkdir(join(folder, registry), { recursive: true })
    const server = registry === 'docker.io' ? 'registry-1.docker.io' : registry
    await writeFile(
      join(folder, registry, 'hosts.toml'),
      `server = "https://${server}"\n[host."http://${main}"]\n  capabilities = ["pull", "resolve"]\n`,
    )
  }
  return folder
}

/** docker.io by the listener that mirrors it, the other by a path, as podman can't say which registry it means. */
function registriesConf({ main, mirror }: Doors): string {
  const [hubName, other] = REGISTRIES
  const entry = (registry: string, location: string): string =>
    `[[registry]]\nlocation = "${registry}"\n[[registry.mirror]]\nlocation = "${location}"\ninsecure = true\n`
  return entry(hubName, mirror) + entry(other, `${main}/${other}`)
}
