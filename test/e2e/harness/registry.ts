import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Certificate } from './certificates.ts'
import { launch, run, until } from './child.ts'
import type { Running } from './child.ts'
import { freePort } from './ports.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'
import type { TokenServer } from './token-server.ts'

/** Of distribution v3 and of Debian's docker-registry 2.8: the same command line and configuration. */
export type RegistryProgram = 'registry' | 'docker-registry'

export interface RegistryOptions {
  /** Default: `registry`, which is distribution v3. */
  readonly program?: RegistryProgram
  /** `htpasswd`: Basic authentication as {@link USER}; a token server: its bearer tokens. Default: none. */
  readonly auth?: 'htpasswd' | TokenServer
  /** Default: plain HTTP. */
  readonly tls?: Certificate
  /** URL that its notifications go to. Default: none are sent. */
  readonly notify?: string
}

/** Who may read and write where authentication is asked for. */
export const USER = { username: 'tester', password: 'only-for-tests-5up3r' }

/** {@link USER}, hashed by bcrypt at its lowest price, the only kind of hash that the registries take. */
const HTPASSWD = `${USER.username}:$2y$05$ipfsregistrygatewayteey/ikM8t86XfHTd9/Xt6cprd4j6YPCn2`

/** An ordinary registry on a free port of the loopback, with everything in one temporary folder. */
export class Registry {
  /** `127.0.0.1:<port>`, as it stands in image names. */
  readonly host: string
  readonly url: string
  readonly #folder: string
  readonly #options: RegistryOptions
  #process: Running | undefined

  private constructor(folder: string, port: number, options: RegistryOptions) {
    this.#folder = folder
    this.#options = options
    this.host = `127.0.0.1:${port}`
    this.url = `${options.tls === undefined ? 'http' : 'https'}://${this.host}`
  }

  static async start(teardown: Teardown, options: RegistryOptions = {}): Promise<Registry> {
    const registry = new Registry(await tempFolder(teardown, 'registry'), await freePort(), options)
    await registry.#configure()
    teardown.defer(() => registry.down())
    await registry.up()
    return registry
  }

  /** Serve; after {@link down} again on the same address with the same content. */
  async up(): Promise<void> {
    const serving = launch(this.#options.program ?? 'registry', ['serve', join(this.#folder, 'config.yml')], {
      env: { OTEL_TRACES_EXPORTER: 'none' },
    })
    this.#process = serving
    await until('the registry', () => serving.output().includes('listening on'), { process: serving })
  }

  async down(): Promise<void> {
    await this.#process?.stop()
  }

  /** Put an image of a layout here, of all its platforms, and its manifests as they are. */
  async push(layout: string, tag: string, repository: string): Promise<void> {
    await run('skopeo', [
      ...['copy', '--quiet', '--all', '--preserve-digests'],
      ...['--dest-tls-verify=false', ...this.#credentials('--dest-creds')],
      `oci:${layout}:${tag}`,
      `docker://${this.host}/${repository}:${tag}`,
    ])
  }

  /** Attach an artifact to an image; with the fallback tag where the registry has no referrers API. */
  async attach(repository: string, tag: string, artifactType: string, file: string): Promise<void> {
    const { username, password } = USER
    await run('oras', [
      ...['attach', '--artifact-type', artifactType, '--disable-path-validation'],
      ...(this.#options.tls === undefined ? ['--plain-http'] : ['--insecure']),
      ...(this.#options.auth === undefined ? [] : ['--username', username, '--password', password]),
      `${this.host}/${repository}:${tag}`,
      `${file}:text/plain`,
    ])
  }

  #credentials(flag: string): string[] {
    return this.#options.auth === undefined ? [] : [flag, `${USER.username}:${USER.password}`]
  }

  /** JSON is YAML. */
  async #configure(): Promise<void> {
    const { auth, tls, notify } = this.#options
    const passwords = join(this.#folder, 'htpasswd')
    await writeFile(passwords, `${HTPASSWD}\n`)
    const config = {
      version: '0.1',
      log: { level: 'info' },
      storage: {
        filesystem: { rootdirectory: join(this.#folder, 'data') },
        delete: { enabled: true },
      },
      http: {
        addr: this.host,
        secret: 'of this registry',
        ...(tls === undefined ? {} : { tls: { certificate: tls.cert, key: tls.key } }),
      },
      ...(auth === 'htpasswd' ? { auth: { htpasswd: { realm: 'a registry', path: passwords } } } : {}),
      ...(typeof auth === 'object' ? { auth: { token: auth.settings } } : {}),
      ...(notify === undefined ? {} : { notifications: { endpoints: [endpointAt(notify)] } }),
    }
    await writeFile(join(this.#folder, 'config.yml'), JSON.stringify(config, null, 2))
  }
}

function endpointAt(url: string): object {
  return { name: 'a receiver', url, timeout: '5s', threshold: 3, backoff: '1s' }
}
