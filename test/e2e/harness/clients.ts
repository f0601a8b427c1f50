import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './child.ts'
import { Containerd } from './containerd.ts'
import { Docker } from './docker.ts'
import { manifestOf, objectsOf } from './images.ts'
import type { Descriptor } from './images.ts'
import { Podman } from './podman.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'

/** What a client has got by one pull. */
export interface Pulled {
  /** Digests of blobs (and, where the client keeps them, manifests) that are whole on its disk. */
  readonly digests: readonly string[]
  /** The digest it says the reference had, where it says so. */
  readonly digest?: string
}

export interface Pull {
  /** `host:port/name:tag` or `host:port/name@digest`. */
  readonly reference: string
  /** All platforms rather than this machine's, where the client can. */
  readonly everyPlatform: boolean
}

export type PullBy = (pull: Pull) => Promise<Pulled>

/** A program that pulls images. After `pull` it has forgotten the image again, so that the next one is a full one. */
export interface Client {
  readonly name: string
  /** Programs that it needs. */
  readonly programs: readonly string[]
  /** Whether it can keep an image of many platforms whole. */
  readonly keepsIndex: boolean
  start(teardown: Teardown): Promise<PullBy>
}

/** Clients that write a layout to a folder. */
function toLayout(
  name: string,
  pull: (pull: Pull, folder: string, host: string) => readonly string[],
): Client {
  return {
    name,
    programs: [name],
    keepsIndex: true,
    start: async (teardown) => {
      const home = await tempFolder(teardown, name)
      let count = 0
      return async (wanted) => {
        const folder = join(home, `layout-${count++}`)
        const host = wanted.reference.slice(0, wanted.reference.indexOf('/'))
        await run(name, pull(wanted, folder, host), { env: { HOME: home, XDG_RUNTIME_DIR: home } })
        const digests = await layoutDigests(folder)
        await rm(folder, { recursive: true })
        return { digests }
      }
    },
  }
}

async function layoutDigests(folder: string): Promise<string[]> {
  const algorithms = await readdir(join(folder, 'blobs'))
  const found = await Promise.all(
    algorithms.map(async (algorithm) => {
      const names = await readdir(join(folder, 'blobs', algorithm))
      return names.map((hex) => `${algorithm}:${hex}`)
    }),
  )
  return found.flat()
}

export const skopeo = toLayout('skopeo', ({ reference, everyPlatform }, folder) => [
  'copy',
  '--quiet',
  '--src-tls-verify=false',
  ...(everyPlatform ? ['--all'] : []),
  `docker://${reference}`,
  `oci:${folder}:pulled`,
])

// crane takes a loopback registry to speak plain HTTP.
export const crane = toLayout('crane', ({ reference, everyPlatform }, folder) => [
  'pull',
  '--format=oci',
  ...(everyPlatform ? [] : ['--platform', 'linux/amd64']),
  reference,
  folder,
])

export const regctl = toLayout('regctl', ({ reference, everyPlatform }, folder, host) => [
  ...['--host', `reg=${host},tls=disabled`],
  ...['image', 'copy', ...(everyPlatform ? [] : ['--platform', 'linux/amd64'])],
  reference,
  `ocidir://${folder}:pulled`,
])

export const oras = toLayout('oras', ({ reference, everyPlatform }, folder) => [
  ...['cp', '--from-plain-http', '--to-oci-layout'],
  ...(everyPlatform ? [] : ['--platform', 'linux/amd64']),
  reference,
  `${folder}:pulled`,
])

/** @param options how it is to be run: flags and environment beside the usual */
export function podmanPulls(
  storage: Podman,
  options: { flags?: readonly string[]; env?: Record<string, string> } = {},
): PullBy {
  const { flags = [], env = {} } = options
  return async ({ reference }) => {
    const id = (await storage.podman(['pull', '--quiet', ...flags, reference], { env })).trim()
    return takenFrom(storage, id)
  }
}

/** What is in the storage under this id; it is removed from there. */
async function takenFrom(storage: Podman, id: string): Promise<Pulled> {
  const [image] = JSON.parse(await storage.podman(['image', 'inspect', id])) as [
    { Digest: string; Id: string },
  ]
  await storage.podman(['rmi', '--force', id])
  return { digests: [`sha256:${image.Id}`], digest: image.Digest }
}

export function dockerPulls(daemon: Docker): PullBy {
  return async ({ reference }) => {
    const out = await daemon.docker(['pull', reference])
    const [image] = JSON.parse(await daemon.docker(['image', 'inspect', reference])) as [{ Id: string }]
    await daemon.docker(['rmi', '--force', image.Id])
    const digest = /^Digest: (\S+)$/m.exec(out)?.[1]
    return { digests: [image.Id], ...(digest === undefined ? {} : { digest }) }
  }
}

/** @param options how `ctr images pull` is to be run: flags and environment beside the usual */
export function ctrPulls(
  daemon: Containerd,
  options: { flags?: readonly string[]; env?: Record<string, string> } = {},
): PullBy {
  const { flags = [], env = {} } = options
  return async ({ reference, everyPlatform }) => {
    const platform = everyPlatform ? ['--all-platforms'] : ['--platform', 'linux/amd64']
    const pull = ['images', 'pull', '--snapshotter', 'native', ...flags, ...platform, reference]
    await daemon.ctr(pull, { env })
    const digests = (await daemon.ctr(['content', 'ls', '--quiet'])).trim().split('\n')
    const [, , digest] =
      (await daemon.ctr(['images', 'ls']))
        .split('\n')
        .find((line) => line.startsWith(reference))
        ?.split(/\s+/) ?? []
    // Synchronously: its content is collected before this returns.
    await daemon.ctr(['images', 'rm', '--sync', reference])
    return { digests, ...(digest === undefined ? {} : { digest }) }
  }
}

export const podman: Client = {
  name: 'podman',
  programs: ['podman', 'runc'],
  keepsIndex: false,
  start: async (teardown) => podmanPulls(await Podman.start(teardown), { flags: ['--tls-verify=false'] }),
}

export const buildah: Client = {
  name: 'buildah',
  programs: ['buildah', 'podman', 'runc'],
  keepsIndex: false,
  start: async (teardown) => {
    const storage = await Podman.start(teardown)
    return async ({ reference }) => {
      const id = await storage.buildah(['pull', '--quiet', '--tls-verify=false', `docker://${reference}`])
      return takenFrom(storage, id.trim())
    }
  },
}

export const docker: Client = {
  name: 'docker',
  programs: ['dockerd', 'docker', 'containerd', 'runc'],
  keepsIndex: false,
  start: async (teardown) => dockerPulls(await Docker.start(teardown)),
}

export const ctr: Client = {
  name: 'ctr',
  programs: ['ctr', 'containerd'],
  keepsIndex: true,
  start: async (teardown) => ctrPulls(await Containerd.start(teardown), { flags: ['--plain-http'] }),
}

export const CLIENTS: readonly Client[] = [skopeo, podman, docker, ctr, crane, regctl, oras]

/** The digests that a client must have after a pull of an image. @param keepsIndex as {@link Client} has it */
export async function digestsToHave(
  keepsIndex: boolean,
  layout: string,
  image: Descriptor,
): Promise<string[]> {
  if (keepsIndex) {
    return (await objectsOf(layout, image.digest, image.size)).map((object) => object.digest)
  }
  // Docker and podman take this machine's platform and name an image after its config.
  const top = await manifestOf(layout, image.digest)
  const own = top.manifests?.find((entry) => entry.platform?.architecture === 'amd64')
  const manifest = own === undefined ? top : await manifestOf(layout, own.digest)
  if (manifest.config === undefined) throw new Error('an image without config')
  return [manifest.config.digest]
}
