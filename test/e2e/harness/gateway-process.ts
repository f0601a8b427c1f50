import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { attempt, launch, output, run, until } from './child.ts'
import type { RunOptions, RunResult, Running } from './child.ts'
import { freePorts } from './ports.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'
import { repositoryFolder } from './tools.ts'

const MAIN = join(repositoryFolder, 'dist/main.js')

export interface GatewayOptions {
  /** `--source` settings in order. Default: none, so the program's own default. */
  readonly sources?: readonly string[]
  /** A folder, or `memory`. Default: a fresh temporary folder. */
  readonly store?: string
  /** Port to listen on. Default: a free one. */
  readonly port?: number
  /** More flags of `serve`. */
  readonly flags?: readonly string[]
  readonly env?: Record<string, string | undefined>
  /** Command that runs the program, where it is not the one that is built here. */
  readonly program?: readonly [string, ...string[]]
}

/** What `publish --json` prints. */
export interface Published {
  readonly root: string
  readonly layouts: readonly { readonly path: string; readonly tags: readonly string[] }[]
}

/** `ipfs/<cid>/<path…>` of the one layout that was published. */
export function repositoryOf(published: Published): string {
  const [layout, ...more] = published.layouts
  if (layout === undefined || more.length > 0) throw new Error(`${published.layouts.length} layouts`)
  return ['ipfs', published.root, ...layout.path.split('/').filter(Boolean)].join('/')
}

/** The built program, serving from a store of its own on free ports of the loopback. */
export class Gateway {
  readonly store: string
  /** `127.0.0.1:<port>`, as it stands in image names. */
  readonly host: string
  readonly url: string
  /** Base URL of `/livez`, `/readyz` and `/metrics`. */
  readonly admin: string
  readonly #args: readonly string[]
  readonly #env: Record<string, string | undefined>
  readonly #program: readonly [string, ...string[]]
  #process: Running | undefined

  private constructor(store: string, ports: readonly number[], home: string, options: GatewayOptions) {
    this.store = store
    this.host = `127.0.0.1:${ports[0]}`
    this.url = `http://${this.host}`
    this.admin = `http://127.0.0.1:${ports[1]}`
    this.#args = [
      ...['--listen', this.host],
      ...['--admin-listen', `127.0.0.1:${ports[1]}`],
      ...['--store', store],
      ...(options.sources ?? []).flatMap((source) => ['--source', source]),
      ...(options.flags ?? []),
    ]
    // A Kubo or a configuration file of whoever runs the tests must not be found.
    this.#program = options.program ?? ['node', MAIN]
    this.#env = { HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home, ...options.env }
  }

  static async start(teardown: Teardown, options: GatewayOptions = {}): Promise<Gateway> {
    const home = await tempFolder(teardown, 'home')
    const store = options.store ?? (await tempFolder(teardown, 'store'))
    const [free = 0, admin = 0] = await freePorts(2)
    const gateway = new Gateway(store, [options.port ?? free, admin], home, options)
    teardown.defer(() => gateway.#process?.stop())
    await gateway.up()
    return gateway
  }

  /** Serve; after {@link down} or {@link kill} again on the same addresses and store. */
  async up(): Promise<void> {
    const [program, ...first] = this.#program
    const serving = launch(program, [...first, 'serve', ...this.#args], { env: this.#env })
    this.#process = serving
    await until(
      'gateway',
      async () => {
        const answer = await fetch(`${this.url}/v2/`).catch(() => undefined)
        await answer?.body?.cancel()
        return answer?.status === 200 || answer?.status === 401
      },
      { process: serving },
    )
  }

  get process(): Running {
    if (this.#process === undefined) throw new Error('the gateway was not started')
    return this.#process
  }

  /** SIGTERM, and wait. */
  async down(): Promise<void> {
    await this.process.stop()
  }

  /** SIGKILL, and wait. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.process.exited
  }

  /** Resident memory, in bytes. */
  async memory(): Promise<number> {
    const status = await readFile(`/proc/${this.process.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
  }

  /** Publish to this gateway's store. */
  async publish(path: string, ...flags: string[]): Promise<Published> {
    const out = await this.command(['publish', path, '--json', '--store', this.store, ...flags])
    return JSON.parse(out) as Published
  }

  /** Run another command of the program in the same environment; it must succeed. */
  async command(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return run('node', [MAIN, ...args], { ...options, env: { ...this.#env, ...options.env } })
  }

  /** As {@link command}, but it may fail. */
  async attempt(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return attempt('node', [MAIN, ...args], { ...options, env: { ...this.#env, ...options.env } })
  }

  /** Run another command and read what it writes as it comes. */
  output(args: readonly string[]): ReturnType<typeof output> {
    return output('node', [MAIN, ...args], { env: this.#env })
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.admin}/metrics`)).text()
  }

  /** Requests of clients under way. */
  async inFlight(): Promise<number> {
    return Number(/^ipfs_registry_http_requests_in_flight (\d+)$/m.exec(await this.metrics())?.[1])
  }
}
