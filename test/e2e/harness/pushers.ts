import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './child.ts'
import { Containerd } from './containerd.ts'
import { Docker } from './docker.ts'
import { Podman } from './podman.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'

export interface Push {
  /** A folder with an image layout. */
  readonly layout: string
  /** Of the image in it, an index of many platforms or one image. */
  readonly tag: string
  /** `host:port/name:tag`, over plain HTTP. */
  readonly reference: string
}

/** @returns digest of the manifest that is there now, where it is not that of the layout */
export type PushBy = (push: Push) => Promise<string | undefined>

/** A program that pushes images. */
export interface Pusher {
  readonly name: string
  readonly programs: readonly string[]
  /** Whether it pushes an image of many platforms whole. */
  readonly pushesIndex: boolean
  start(teardown: Teardown): Promise<PushBy>
}

const hostOf = (reference: string): string => reference.slice(0, reference.indexOf('/'))

/** Clients that push straight from a layout. */
function fromLayout(name: string, args: (push: Push) => readonly string[]): Pusher {
  return {
    name,
    programs: [name],
    pushesIndex: true,
    start: async (teardown) => {
      const home = await tempFolder(teardown, name)
      return async (push) => {
        await run(name, args(push), { env: { HOME: home, XDG_RUNTIME_DIR: home } })
        return undefined
      }
    },
  }
}

export const skopeo = fromLayout('skopeo', ({ layout, tag, reference }) => [
  ...['copy', '--quiet', '--all', '--dest-tls-verify=false'],
  `oci:${layout}:${tag}`,
  `docker://${reference}`,
])

export const regctl = fromLayout('regctl', ({ layout, tag, reference }) => [
  ...['--host', `reg=${hostOf(reference)},tls=disabled`],
  ...['image', 'copy', `ocidir://${layout}:${tag}`, reference],
])

export const oras = fromLayout('oras', ({ layout, tag, reference }) => [
  ...['cp', '--from-oci-layout', '--to-plain-http'],
  `${layout}:${tag}`,
  reference,
])

/** It pushes the only image of a layout. */
export const crane: Pusher = {
  name: 'crane',
  programs: ['crane', 'skopeo'],
  pushesIndex: false,
  start: async (teardown) => {
    const home = await tempFolder(teardown, 'crane')
    return async ({ layout, tag, reference }) => {
      const alone = join(home, 'alone')
      await rm(alone, { recursive: true, force: true })
      await run('skopeo', ['copy', '--quiet', `oci:${layout}:${tag}`, `oci:${alone}:${tag}`])
      await run('crane', ['push', alone, reference], { env: { HOME: home } })
      return undefined
    }
  },
}

export const podman: Pusher = {
  name: 'podman',
  programs: ['podman', 'runc'],
  pushesIndex: false,
  start: async (teardown) => {
    const storage = await Podman.start(teardown)
    return async ({ layout, tag, reference }) => {
      const id = (await storage.podman(['pull', '--quiet', `oci:${layout}:${tag}`])).trim()
      const file = join(await tempFolder(teardown, 'digest'), 'digest')
      await storage.podman(['push', '--tls-verify=false', '--digestfile', file, id, reference])
      await storage.podman(['rmi', '--force', id])
      return (await run('cat', [file])).trim()
    }
  },
}

export const buildah: Pusher = {
  name: 'buildah',
  programs: ['buildah', 'podman', 'runc'],
  pushesIndex: false,
  start: async (teardown) => {
    const storage = await Podman.start(teardown)
    return async ({ layout, tag, reference }) => {
      const id = (await storage.buildah(['pull', '--quiet', `oci:${layout}:${tag}`])).trim()
      const file = join(await tempFolder(teardown, 'digest'), 'digest')
      await storage.buildah([
        ...['push', '--quiet', '--tls-verify=false', '--digestfile', file],
        id,
        `docker://${reference}`,
      ])
      return (await run('cat', [file])).trim()
    }
  },
}

export const docker: Pusher = {
  name: 'docker',
  programs: ['dockerd', 'docker', 'containerd', 'runc', 'skopeo'],
  pushesIndex: false,
  start: async (teardown) => {
    const daemon = await Docker.start(teardown)
    const folder = await tempFolder(teardown, 'archive')
    return async ({ layout, tag, reference }) => {
      const archive = join(folder, 'image.tar')
      await rm(archive, { force: true })
      await run('skopeo', [
        'copy',
        '--quiet',
        `oci:${layout}:${tag}`,
        `docker-archive:${archive}:${reference}`,
      ])
      await daemon.docker(['load', '--input', archive])
      const out = await daemon.docker(['push', reference])
      await daemon.docker(['rmi', '--force', reference])
      return / digest: (sha256:[0-9a-f]{64})/.exec(out)?.[1]
    }
  },
}

export const ctr: Pusher = {
  name: 'ctr',
  programs: ['ctr', 'containerd', 'skopeo'],
  pushesIndex: true,
  start: async (teardown) => {
    const daemon = await Containerd.start(teardown)
    const folder = await tempFolder(teardown, 'archive')
    return async ({ layout, tag, reference }) => {
      const archive = join(folder, 'image.tar')
      await rm(archive, { force: true })
      const image = `oci-archive:${archive}:${reference}`
      await run('skopeo', ['copy', '--quiet', '--all', `oci:${layout}:${tag}`, image])
      await daemon.ctr(['images', 'import', '--all-platforms', '--no-unpack', archive])
      await daemon.ctr(['images', 'push', '--plain-http', reference])
      await daemon.ctr(['images', 'rm', '--sync', reference])
      return undefined
    }
  },
}

export const PUSHERS: readonly Pusher[] = [skopeo, podman, buildah, docker, ctr, crane, regctl, oras]
