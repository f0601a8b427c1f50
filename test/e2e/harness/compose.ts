import { randomInt } from 'node:crypto'
import { attempt, run, until } from './child.ts'
import type { RunOptions, RunResult } from './child.ts'
import type { Docker } from './docker.ts'
import { GATEWAY_IMAGE } from './gateway-image.ts'
import { freePorts } from './ports.ts'
import type { Teardown } from './teardown.ts'
import { repositoryFolder } from './tools.ts'

const FILE = 'deploy/compose/docker-compose.yml'

/** deploy/compose on a daemon of the tests, on free ports and in a network of its own. */
export class Composition {
  readonly #docker: Docker
  readonly #environment: Readonly<Record<string, string>>
  /** `127.0.0.1:<port>` of nginx. */
  readonly host: string

  private constructor(docker: Docker, port: number, environment: Readonly<Record<string, string>>) {
    this.#docker = docker
    this.#environment = { ...docker.environment, ...environment, REGISTRY_PORT: String(port) }
    this.host = `127.0.0.1:${port}`
  }

  /**
   * Nothing is started yet. Its images are those of `loadGatewayImage` and `buildServiceImages`.
   *
   * @param settings file in the place of gateway.env
   */
  static async of(teardown: Teardown, docker: Docker, settings: string): Promise<Composition> {
    const [port = 0] = await freePorts(1)
    const composition = new Composition(docker, port, {
      COMPOSE_PROJECT_NAME: 'e2e',
      SUBNET_PREFIX: `10.${randomInt(200, 250)}.${randomInt(256)}`,
      GATEWAY_SETTINGS: settings,
      GATEWAY_IMAGE,
      KUBO_IMAGE: 'kubo:e2e',
      NGINX_IMAGE: 'nginx:e2e',
      PROMETHEUS_IMAGE: 'prometheus:e2e',
    })
    teardown.defer(() => composition.run(['down', '--volumes', '--timeout', '5']))
    return composition
  }

  /** `docker-compose …`, which must succeed. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return run('docker-compose', ['--file', FILE, ...args], this.#options(options))
  }

  async attempt(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return attempt('docker-compose', ['--file', FILE, ...args], this.#options(options))
  }

  /** Resolves when the container of a service says that it is healthy. */
  async healthy(service: string): Promise<void> {
    const id = await this.container(service)
    const format = ['--format', '{{.State.Health.Status}}']
    const healthy = async (): Promise<boolean> =>
      (await this.#docker.docker(['inspect', ...format, id])) === 'healthy\n'
    await until(`${service} to be healthy`, healthy, { timeout: 90_000 })
  }

  /** Id of the container of a service. */
  async container(service: string): Promise<string> {
    return (await this.run(['ps', '--quiet', service])).trim()
  }

  #options(options: RunOptions): RunOptions {
    return {
      timeout: 300_000,
      ...options,
      cwd: repositoryFolder,
      env: { ...this.#environment, ...options.env },
    }
  }
}
