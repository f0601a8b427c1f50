import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { attempt, launch, run, until } from './child.ts'
import type { RunOptions } from './child.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'

/** A containerd of its own, and `ctr` to talk to it. */
export class Containerd {
  readonly #socket: string

  private constructor(socket: string) {
    this.#socket = socket
  }

  static async start(teardown: Teardown): Promise<Containerd> {
    const folder = await tempFolder(teardown, 'ctrd')
    const socket = join(folder, 'c.sock')
    const config = join(folder, 'config.toml')
    await writeFile(
      config,
      [
        'version = 2',
        `root = "${join(folder, 'root')}"`,
        `state = "${join(folder, 'state')}"`,
        'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]',
        '[grpc]',
        `  address = "${socket}"`,
        '[ttrpc]',
        `  address = "${socket}.ttrpc"`,
        '',
      ].join('\n'),
    )
    const daemon = launch('containerd', ['--config', config])
    teardown.defer(() => daemon.stop())
    const containerd = new Containerd(socket)
    const answers = async (): Promise<boolean> =>
      (await attempt('ctr', ['--address', socket, 'version'])).code === 0
    await until('containerd', answers, { process: daemon })
    return containerd
  }

  /** As {@link ctr}, but it may fail. */
  async attempt(args: readonly string[]): ReturnType<typeof attempt> {
    return attempt('ctr', ['--address', this.#socket, '--namespace', 'e2e', ...args], { timeout: 60_000 })
  }

  async ctr(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return run('ctr', ['--address', this.#socket, '--namespace', 'e2e', ...args], options)
  }
}
