import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import type { Teardown } from './teardown.ts'

/** A port that counts who connects, and says nothing. */
export class CountingListener {
  connections = 0
  readonly port: number

  private constructor(server: Server) {
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (socket) => {
      this.connections += 1
      socket.destroy()
    })
  }

  static async start(teardown: Teardown): Promise<CountingListener> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    teardown.defer(() => new Promise((resolve) => server.close(resolve)))
    return new CountingListener(server)
  }
}
