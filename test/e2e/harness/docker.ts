import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { attempt, launch, run, until } from './child.ts'
import type { RunOptions } from './child.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'

export interface DockerOptions {
  /** More of `daemon.json`: `registry-mirrors`. */
  readonly settings?: Record<string, unknown>
  /** The `daemon.json` itself, in the place of one with `settings`. */
  readonly configFile?: string
  /** Added to the daemon's environment. */
  readonly env?: Record<string, string>
  /** Default: `vfs`, plain copies of layers, which works everywhere and is slow for large images. */
  readonly storageDriver?: 'vfs' | 'overlay2'
}

/** A Docker daemon of its own: no network, everything in one temporary folder. */
export class Docker {
  /** For programs that ask this daemon. */
  readonly environment: Readonly<Record<string, string>>

  private constructor(folder: string) {
    this.environment = { DOCKER_HOST: `unix://${folder}/d.sock`, DOCKER_CONFIG: join(folder, 'client') }
  }

  static async start(teardown: Teardown, options: DockerOptions = {}): Promise<Docker> {
    const folder = await tempFolder(teardown, 'docker')
    await mkdir(join(folder, 'client'))
    await writeFile(join(folder, 'daemon.json'), JSON.stringify(options.settings ?? {}))
    const flags = [
      ...['--config-file', options.configFile ?? join(folder, 'daemon.json')],
      ...['--data-root', join(folder, 'data')],
      ...['--exec-root', join(folder, 'exec')],
      ...['--pidfile', join(folder, 'pid')],
      ...['--host', `unix://${folder}/d.sock`],
      ...['--storage-driver', options.storageDriver ?? 'vfs'],
      ...['--containerd-namespace', 'e2e', '--containerd-plugins-namespace', 'e2e-plugins'],
      ...['--bridge', 'none', '--iptables=false', '--ip6tables=false', '--ip-forward=false'],
    ]
    const daemon = launch('dockerd', flags, { env: options.env ?? {} })
    teardown.defer(async () => {
      await daemon.stop(20_000)
      // It leaves this mounted where containers had the network of the host, and the folder could not be removed.
      await attempt('umount', [join(folder, 'exec/netns/default')])
    })
    const docker = new Docker(folder)
    const answers = async (): Promise<boolean> => (await docker.attempt(['info'])).code === 0
    await until('dockerd', answers, { process: daemon, timeout: 60_000 })
    return docker
  }

  async docker(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return run('docker', args, { ...options, env: { ...this.environment, ...options.env } })
  }

  async attempt(args: readonly string[], options: RunOptions = {}): ReturnType<typeof attempt> {
    return attempt('docker', args, { ...options, env: { ...this.environment, ...options.env } })
  }

  /** `docker run`, without a network. */
  async runImage(image: string): Promise<string> {
    return this.docker(['run', '--rm', '--network', 'none', image])
  }
}
