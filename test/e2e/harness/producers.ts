import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './child.ts'
import type { Docker } from './docker.ts'
import { descriptorOf, manifestOf } from './images.ts'
import type { Podman } from './podman.ts'

/** An image of another program's making: a layout folder or an archive. */
export interface Produced {
  /** Tag that it must be had under. */
  readonly tag: string
  /** Digest of the image's config. */
  readonly config: string
}

/** The programs, and the image that they pack: one for linux/amd64 in an OCI layout. */
export interface Workshop {
  readonly layout: string
  readonly tag: string
  readonly podman: Podman
  readonly docker: Docker
  /** Copy of the image served by a registry, for programs that only pull: `host/name:tag`. */
  readonly reference: string
}

export interface Producer {
  readonly name: string
  /** Makes a layout folder, or a file, at `path`. */
  make(workshop: Workshop, path: string): Promise<Produced>
}

async function configOf(layout: string, tag: string): Promise<string> {
  const { config } = await manifestOf(layout, (await descriptorOf(layout, tag)).digest)
  if (config === undefined) throw new Error(`${layout}:${tag} has no config`)
  return config.digest
}

async function same({ layout, tag: from }: Workshop, tag: string): Promise<Produced> {
  return { tag, config: await configOf(layout, from) }
}

/** The image in podman's storage, under a full name with the tag 1.0. */
async function inPodman({ podman, layout, tag }: Workshop): Promise<string> {
  const id = (await podman.podman(['pull', '--quiet', `oci:${layout}:${tag}`])).trim()
  const name = 'localhost/team/app:1.0'
  await podman.podman(['tag', id, name])
  return name
}

async function inDocker({ docker, layout, tag }: Workshop, path: string): Promise<string> {
  const name = 'team/app:2.0'
  await run('skopeo', ['copy', '--quiet', `oci:${layout}:${tag}`, `docker-archive:${path}.load:${name}`])
  await docker.docker(['load', '--input', `${path}.load`])
  return name
}

/** Programs that write a layout folder. */
export const LAYOUT_PRODUCERS: readonly Producer[] = [
  {
    name: 'umoci',
    make: async (workshop, path) => {
      await cp(workshop.layout, path, { recursive: true })
      return same(workshop, workshop.tag)
    },
  },
  {
    name: 'skopeo',
    make: async (workshop, path) => {
      await run('skopeo', ['copy', '--quiet', `oci:${workshop.layout}:${workshop.tag}`, `oci:${path}:3.10.1`])
      return same(workshop, '3.10.1')
    },
  },
  {
    name: 'skopeo without a tag',
    make: async (workshop, path) => {
      await run('skopeo', ['copy', '--quiet', `oci:${workshop.layout}:${workshop.tag}`, `oci:${path}`])
      return same(workshop, 'latest')
    },
  },
  {
    name: 'podman push',
    make: async (workshop, path) => {
      await workshop.podman.podman(['push', '--quiet', await inPodman(workshop), `oci:${path}:pushed`])
      return same(workshop, 'pushed')
    },
  },
  {
    name: 'podman save to a folder',
    make: async (workshop, path) => {
      const image = await inPodman(workshop)
      await workshop.podman.podman(['save', '--quiet', '--format', 'oci-dir', '--output', path, image])
      return same(workshop, '1.0')
    },
  },
  {
    name: 'buildah',
    make: async ({ podman }, path) => {
      const container = (await podman.buildah(['from', 'scratch'])).trim()
      await podman.buildah(['config', '--cmd', '/nothing', '--label', 'made.by=buildah', container])
      const id = (await podman.buildah(['commit', '--quiet', '--rm', container, 'localhost/built:1'])).trim()
      await podman.buildah(['push', '--quiet', 'localhost/built:1', `oci:${path}:built`])
      return { tag: 'built', config: `sha256:${id}` }
    },
  },
  {
    name: 'oras',
    make: async (workshop, path) => {
      const from = `${workshop.layout}:${workshop.tag}`
      await run('oras', ['cp', '--from-oci-layout', from, '--to-oci-layout', `${path}:by-oras`])
      return same(workshop, 'by-oras')
    },
  },
  {
    name: 'regctl',
    make: async (workshop, path) => {
      const from = `ocidir://${workshop.layout}:${workshop.tag}`
      await run('regctl', ['image', 'copy', from, `ocidir://${path}:by-regctl`])
      return same(workshop, 'by-regctl')
    },
  },
  {
    name: 'crane',
    make: async (workshop, path) => {
      await run('crane', ['pull', '--format=oci', workshop.reference, path])
      return same(workshop, 'latest')
    },
  },
  {
    name: 'crane with the name kept',
    make: async (workshop, path) => {
      await run('crane', ['pull', '--format=oci', '--annotate-ref', workshop.reference, path])
      return same(workshop, workshop.tag)
    },
  },
]

/** Programs that write an archive. */
export const ARCHIVE_PRODUCERS: readonly Producer[] = [
  {
    name: 'docker save',
    make: async (workshop, path) => {
      await workshop.docker.docker(['save', '--output', path, await inDocker(workshop, path)])
      return same(workshop, '2.0')
    },
  },
  {
    name: 'podman save, as docker-archive',
    make: async (workshop, path) => {
      await workshop.podman.podman(['save', '--quiet', '--output', path, await inPodman(workshop)])
      return same(workshop, '1.0')
    },
  },
  {
    name: 'podman save, as oci-archive',
    make: async (workshop, path) => {
      const image = await inPodman(workshop)
      await workshop.podman.podman(['save', '--quiet', '--format', 'oci-archive', '--output', path, image])
      return same(workshop, '1.0')
    },
  },
  {
    name: 'skopeo, as docker-archive',
    make: async (workshop, path) => {
      const to = `docker-archive:${path}:team/app:4.0`
      await run('skopeo', ['copy', '--quiet', `oci:${workshop.layout}:${workshop.tag}`, to])
      return same(workshop, '4.0')
    },
  },
]

/** skopeo's layout with its blobs beside it, in a folder that layouts share. */
export async function makeSharedBlobs(workshop: Workshop, folder: string): Promise<Produced> {
  await mkdir(join(folder, 'blobs'), { recursive: true })
  await run('skopeo', [
    ...['copy', '--quiet', '--dest-shared-blob-dir', join(folder, 'blobs')],
    `oci:${workshop.layout}:${workshop.tag}`,
    `oci:${join(folder, 'app')}:shared`,
  ])
  return same(workshop, 'shared')
}
