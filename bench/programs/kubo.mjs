import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram, launch, run } from '../process.mjs'

/** A Kubo with a repo of its own, offline, or `online` without anybody to talk to. */
export async function startKubo(scope, { online = false } = {}) {
  const ipfs = findProgram('ipfs')
  const repo = await scope.folder('kubo')
  const env = { IPFS_PATH: repo }
  await run(ipfs, ['init', '--profile=test,unixfs-v1-2025'], { env })
  const file = join(repo, 'config')
  const config = JSON.parse(await readFile(file, 'utf8'))
  config.Bootstrap = []
  config.AutoConf = { Enabled: false }
  const any = '/ip4/127.0.0.1/tcp/0'
  config.Addresses = { ...config.Addresses, API: any, Gateway: any, Swarm: [any] }
  await writeFile(file, JSON.stringify(config))
  const log = join(repo, 'log')
  const isReady = async () => (await readFile(log, 'utf8')).includes('Daemon is ready')
  const { pid } = await launch(scope, ipfs, ['daemon', ...(online ? [] : ['--offline'])], {
    env,
    log,
    ready: isReady,
    timeout: 60_000,
  })
  const multiaddr = (await readFile(join(repo, 'api'), 'utf8')).trim()
  const gateway = (await readFile(join(repo, 'gateway'), 'utf8')).trim()
  // The ports it took, so that whoever asks it for its settings finds its gateway.
  const { hostname, port } = new URL(gateway)
  const gatewayAddress = `/ip4/${hostname}/tcp/${port}`
  config.Addresses = { ...config.Addresses, API: multiaddr, Gateway: gatewayAddress }
  await writeFile(file, JSON.stringify(config))
  const [, , host, , apiPort] = multiaddr.split('/')
  return {
    pid,
    repo,
    multiaddr,
    api: `http://${host}:${apiPort}`,
    gateway,
    /** A file through its RPC, as pushed layers are. Resolves to seconds. */
    async addFile(file) {
      const start = performance.now()
      await run(ipfs, ['add', '-Q', file], { env, timeout: 600_000 })
      return (performance.now() - start) / 1000
    },
    /** Make a key for names. */
    makeKey: (name) => run(ipfs, ['key', 'gen', name], { env }),
    /** Resolves to the CID of the folder. */
    async add(folder) {
      return (await run(ipfs, ['add', '-r', '--cid-version', '1', '-Q', folder], { env })).trim()
    },
  }
}
