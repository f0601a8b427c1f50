import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Teardown } from './teardown.ts'

/** Any peer id: who is reached by HTTP does not show one. */
const PEER = '12D3KooWCjfPiojcCUmv78Wd1NJzi4Mraj1moxigp7AfQVQvGLwH'

/**
 * A server of the delegated routing API (https://specs.ipfs.tech/routing/http-routing-v1/) that names one HTTP gateway
 * as the provider of everything.
 */
export class DelegatedRouting {
  url = ''
  /** CIDs whose providers were asked for. */
  readonly asked: string[] = []

  /** @param address multiaddr of the gateway, as `/ip4/127.0.0.1/tcp/5000/http` */
  static async start(teardown: Teardown, address: string): Promise<DelegatedRouting> {
    const routing = new DelegatedRouting()
    const provider = {
      Schema: 'peer',
      ID: PEER,
      Addrs: [address],
      Protocols: ['transport-ipfs-gateway-http'],
    }
    const server = createServer((request, response) => {
      const [, cid] = /^\/routing\/v1\/providers\/(\w+)/.exec(request.url ?? '') ?? []
      if (cid === undefined) {
        response.writeHead(404).end()
        return
      }
      routing.asked.push(cid)
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson' }).end(`${JSON.stringify(provider)}\n`)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    teardown.defer(() => {
      server.closeAllConnections()
      server.close()
    })
    routing.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return routing
  }
}
