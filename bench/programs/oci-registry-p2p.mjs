import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { answers, findProgram, launch } from '../process.mjs'
import { freePort } from '../scope.mjs'

/** yuval-k/oci-registry-p2p in front of a Kubo, if it is there: on the path, or named by OCI_REGISTRY_P2P. */
export function findOciRegistryP2p() {
  return process.env.OCI_REGISTRY_P2P ?? findProgram('oci-registry-p2p')
}

/** As it serves what is in the node. */
export function startOciRegistryP2p(scope, kubo, { core } = {}) {
  const ipfs = { ipfsapiaddress: kubo.multiaddr }
  return start(
    scope,
    { storage: { inmemory: {} }, middleware: { repository: [{ name: 'ipfs', options: ipfs }] } },
    core,
  )
}

/** As it takes pushes: its storage is a folder in the node, under a key of the node, which has to be online. */
export async function startOciRegistryP2pStorage(scope, kubo) {
  const key = 'registry'
  await kubo.makeKey(key)
  return start(scope, { storage: { ipfs: { ipfsapiaddress: kubo.multiaddr, writeipnskey: key } } })
}

async function start(scope, settings, core) {
  const folder = await scope.folder('p2p')
  const port = await freePort()
  const config = {
    version: 0.1,
    log: { level: 'info', formatter: 'json' },
    ...settings,
    http: {
      addr: `127.0.0.1:${port}`,
      secret: 'bench',
      debug: { addr: `127.0.0.1:${await freePort()}`, prometheus: { enabled: true } },
    },
  }
  const file = join(folder, 'config.json')
  await writeFile(file, JSON.stringify(config))
  const url = `http://127.0.0.1:${port}`
  const { pid } = await launch(scope, findOciRegistryP2p(), ['serve', file], {
    core,
    log: join(folder, 'log'),
    ready: () => answers(`${url}/v2/`),
  })
  return { pid, url }
}
