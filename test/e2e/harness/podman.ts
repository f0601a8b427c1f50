import { join } from 'node:path'
import { attempt, run } from './child.ts'
import type { RunOptions } from './child.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'

/** Podman and Buildah with image storage of their own, shared by the two. */
export class Podman {
  readonly #storage: readonly string[]
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
    this.#storage = [
      ...['--root', join(folder, 'root')],
      ...['--runroot', join(folder, 'run')],
      ...['--storage-driver', 'vfs'],
    ]
  }

  static async start(teardown: Teardown): Promise<Podman> {
    return new Podman(await tempFolder(teardown, 'podman'))
  }

  async podman(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return run('podman', this.#podman(args), { ...options, env: { ...this.#environment(), ...options.env } })
  }

  /** As {@link podman}, but it may fail. */
  async attempt(args: readonly string[]): ReturnType<typeof attempt> {
    return attempt('podman', this.#podman(args), { env: this.#environment(), timeout: 60_000 })
  }

  async buildah(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return run('buildah', [...this.#storage, ...args], {
      ...options,
      env: { ...this.#environment(), ...options.env },
    })
  }

  /** `podman run`, without a network. */
  async runImage(image: string, ...flags: string[]): Promise<string> {
    const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024']
    return this.podman(['run', '--rm', '--network', 'none', ...limits, ...flags, image])
  }

  #podman(args: readonly string[]): string[] {
    const folder = ['--tmpdir', join(this.#folder, 'tmp')]
    return [...this.#storage, ...folder, '--cgroup-manager', 'cgroupfs', '--runtime', 'runc', ...args]
  }

  #environment(): Record<string, string> {
    return { HOME: this.#folder, XDG_RUNTIME_DIR: this.#folder, TMPDIR: this.#folder }
  }
}
