import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { launch, run, until } from './child.ts'
import type { RunOptions, Running } from './child.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'

export interface KuboOptions {
  /** With a swarm on the loopback, for bitswap and IPNS between nodes; otherwise the node is offline. */
  readonly online?: boolean
  /** Whether the repo is initialised with `unixfs-v1-2025`, so that `ipfs add` follows it. Default: true. */
  readonly profile?: boolean
  /** Changes the configuration before the first start. */
  readonly configure?: (config: Record<string, unknown>) => void
}

/** A Kubo node of its own, with a repo in a temporary folder, on free ports. */
export class KuboNode {
  readonly repo: string
  /** `http://127.0.0.1:<port>` of the RPC API. */
  api = ''
  /** `http://127.0.0.1:<port>` of the HTTP gateway. */
  gateway = ''
  /** Swarm multiaddr with peer id; set when online. */
  address = ''
  #daemon: Running | undefined
  readonly #online: boolean

  private constructor(repo: string, online: boolean) {
    this.repo = repo
    this.#online = online
  }

  /** An empty repo without a daemon, on which commands run offline. */
  static async repo(teardown: Teardown, options: KuboOptions = {}): Promise<KuboNode> {
    const node = new KuboNode(await tempFolder(teardown, 'kubo'), options.online ?? false)
    const profiles = options.profile === false ? 'test' : 'test,unixfs-v1-2025'
    await node.ipfs(['init', '--empty-repo', `--profile=${profiles}`])
    return node
  }

  static async start(teardown: Teardown, options: KuboOptions = {}): Promise<KuboNode> {
    const node = await KuboNode.repo(teardown, options)
    teardown.defer(() => node.stop())
    await node.configure((config) => {
      config['Bootstrap'] = []
      config['AutoConf'] = { Enabled: false }
      // Port 0: the daemon takes free ports and writes them to files in the repo.
      config['Addresses'] = {
        ...section(config, 'Addresses'),
        API: '/ip4/127.0.0.1/tcp/0',
        Gateway: '/ip4/127.0.0.1/tcp/0',
        Swarm: ['/ip4/127.0.0.1/tcp/0'],
      }
      if (node.#online) {
        config['Routing'] = {
          ...section(config, 'Routing'),
          Type: 'dhtserver',
          LoopbackAddressesOnLanDHT: true,
        }
        config['Discovery'] = { MDNS: { Enabled: false } }
      }
      options.configure?.(config)
    })
    await node.up()
    return node
  }

  /** Two nodes that are connected and exchange blocks and IPNS names. */
  static async pair(teardown: Teardown): Promise<[KuboNode, KuboNode]> {
    const [first, second] = await Promise.all([
      KuboNode.start(teardown, { online: true }),
      KuboNode.start(teardown, { online: true }),
    ])
    await second.ipfs(['swarm', 'connect', first.address])
    return [first, second]
  }

  /** Start the daemon; after {@link down} on the same ports as before. */
  async up(): Promise<void> {
    const args = ['daemon', ...(this.#online ? [] : ['--offline'])]
    const daemon = launch('ipfs', args, { env: { IPFS_PATH: this.repo } })
    this.#daemon = daemon
    await until('kubo', () => daemon.output().includes('Daemon is ready'), {
      process: daemon,
      timeout: 60_000,
    })
    const api = (await readFile(join(this.repo, 'api'), 'utf8')).trim()
    this.api = httpUrl(api)
    this.gateway = (await readFile(join(this.repo, 'gateway'), 'utf8')).trim()
    await this.configure((config) => {
      config['Addresses'] = {
        ...section(config, 'Addresses'),
        API: api,
        Gateway: multiaddr(this.gateway),
      }
    })
    if (this.#online) {
      const { Addresses } = JSON.parse(await this.ipfs(['id'])) as { Addresses: string[] }
      this.address = Addresses.find((address) => address.startsWith('/ip4/127.0.0.1/tcp/')) ?? ''
    }
  }

  async down(): Promise<void> {
    await this.#daemon?.stop()
  }

  /** End it at once, as by a crash. */
  async kill(): Promise<void> {
    this.#daemon?.kill('SIGKILL')
    await this.#daemon?.exited
  }

  private async stop(): Promise<void> {
    await this.#daemon?.stop()
  }

  private async configure(change: (config: Record<string, unknown>) => void): Promise<void> {
    const file = join(this.repo, 'config')
    const config = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
    change(config)
    await writeFile(file, JSON.stringify(config, null, 2))
  }

  /** Run `ipfs …` on this node. */
  async ipfs(args: readonly string[], input?: RunOptions['input']): Promise<string> {
    return run('ipfs', args, { env: { IPFS_PATH: this.repo }, ...(input === undefined ? {} : { input }) })
  }

  /** `ipfs add -r --cid-version 1`; the root CID. */
  async add(path: string, ...flags: string[]): Promise<string> {
    const out = await this.ipfs(['add', '-r', '--cid-version', '1', '-Q', ...flags, path])
    return out.trim()
  }

  /** Publish under the node's own key; the IPNS name in base36. */
  async publishName(root: string, ...flags: string[]): Promise<string> {
    const out = await this.ipfs(['name', 'publish', '-Q', '--allow-offline', ...flags, `/ipfs/${root}`])
    return out.trim()
  }
}

function section(config: Record<string, unknown>, name: string): Record<string, unknown> {
  return (config[name] ?? {}) as Record<string, unknown>
}

function httpUrl(address: string): string {
  const [, , host, , port] = address.split('/')
  return `http://${host}:${port}`
}

function multiaddr(url: string): string {
  const { hostname, port } = new URL(url)
  return `/ip4/${hostname}/tcp/${port}`
}
