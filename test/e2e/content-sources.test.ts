import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import { Agent, type Dispatcher } from 'undici'
import { endpointOfMultiaddr } from '../../src/config/multiaddr.ts'
import { createGatewaySource } from '../../src/content/gateway/source.ts'
import { createKuboSource } from '../../src/content/kubo/source.ts'
import type { ContentSource } from '../../src/content/source.ts'
import { createTrustedGatewaySource } from '../../src/content/trusted-gateway/source.ts'
import { contentSourceContract } from '../contract/content-source.ts'
import { carHeader, carSection } from '../fixtures/car-bytes.ts'
import type { ContentTree } from '../fixtures/content-tree.ts'
import { KuboNode } from './harness/kubo.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'
import { tempFolder } from './harness/temp.ts'

/*
 * The sources that read over a network, on a real Kubo: its RPC, its gateway believed, its gateway verified.
 */

const SOURCES: Record<string, (node: KuboNode, dispatcher: Dispatcher) => ContentSource> = {
  'the gateway of a Kubo': (node, dispatcher) =>
    createGatewaySource({ name: 'gateway:kubo', baseUrl: node.gateway, dispatcher }),
  'the gateway of a Kubo, believed': (node, dispatcher) =>
    createTrustedGatewaySource({ name: 'trusted-gateway:kubo', baseUrl: node.gateway, dispatcher }),
  'the RPC of a Kubo': (node, dispatcher) => createKuboSource({ name: 'kubo', rpcUrl: node.api, dispatcher }),
  'the RPC of a Kubo, with its gateway': (node, dispatcher) =>
    createKuboSource({
      name: 'kubo',
      rpcUrl: node.api,
      dispatcher,
      gatewayUrlOf: (address) => endpointOfMultiaddr(address)?.url,
    }),
}

describeWith(['ipfs'], 'on a real Kubo', () => {
  for (const [name, create] of Object.entries(SOURCES)) contract(name, create)
})

function contract(name: string, create: (typeof SOURCES)[string]): void {
  contentSourceContract(
    name,
    async (trees) => {
      const teardown = new Teardown()
      const node = await KuboNode.start(teardown)
      await importBlocks(node, trees, join(await tempFolder(teardown, 'car'), 'trees.car'))
      const dispatcher = new Agent()
      teardown.defer(() => dispatcher.destroy())
      return { source: create(node, dispatcher), close: () => teardown.run() }
    },
    { tellsCid: name.includes('RPC') ? 'stat' : 'everywhere' },
  )
}

async function importBlocks(node: KuboNode, trees: readonly ContentTree[], file: string): Promise<void> {
  const sections = trees.flatMap(({ blocks }) =>
    [...blocks].map(([cid, bytes]) => carSection(CID.parse(cid), bytes)),
  )
  await writeFile(file, Buffer.concat([carHeader(trees.map(({ root }) => root)), ...sections]))
  await node.ipfs(['dag', 'import', '--pin-roots=false', file])
}
