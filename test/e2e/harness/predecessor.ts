import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { launch, until } from './child.ts'
import type { KuboNode } from './kubo.ts'
import { freePort } from './ports.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'

/** The program, as it is looked for. */
export const PREDECESSOR = 'oci-registry-p2p'

/**
 * yuval-k/oci-registry-p2p, a distribution registry whose storage is a folder on IPFS: each write publishes it under a key
 * of the node. It publishes only through a node that is online.
 */
export async function startPredecessor(
  teardown: Teardown,
  node: KuboNode,
): Promise<{ host: string; name: string }> {
  const name = (await node.ipfs(['key', 'gen', 'registry'])).trim()
  const host = `127.0.0.1:${await freePort()}`
  const [, port] = new URL(node.api).host.split(':')
  const config = {
    version: 0.1,
    log: { level: 'info' },
    storage: { ipfs: { ipfsapiaddress: `/ip4/127.0.0.1/tcp/${port}`, writeipnskey: 'registry' } },
    http: { addr: host, secret: 'of this registry' },
  }
  const file = join(await tempFolder(teardown, 'predecessor'), 'config.json')
  await writeFile(file, JSON.stringify(config))
  const serving = launch(PREDECESSOR, ['serve', file])
  teardown.defer(() => serving.stop())
  await until('the predecessor', () => serving.output().includes('listening on'), { process: serving })
  return { host, name }
}
