import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Teardown } from './teardown.ts'

/**
 * The HTTP proxy (CONNECT, RFC 9110 section 9.3.6) through which a program reaches "the internet": what `hosts` says,
 * and nothing else.
 */
export class ConnectProxy {
  readonly url: string
  /** What was asked for so far, `name:port` each. */
  readonly asked: string[] = []
  /** `registry-1.docker.io:443` → `127.0.0.1:<port>` */
  readonly hosts = new Map<string, string>()
  readonly #server: Server
  readonly #sockets = new Set<Duplex>()

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  static async start(teardown: Teardown): Promise<ConnectProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new ConnectProxy(server)
    server.on('connect', (request: IncomingMessage, client: Duplex) => {
      proxy.#connect(request.url ?? '', client)
    })
    server.on('request', (request: IncomingMessage, response) => {
      proxy.asked.push(new URL(request.url ?? '/', 'http://proxy').host)
      response.writeHead(502).end()
    })
    teardown.defer(() => proxy.stop())
    return proxy
  }

  /** Variables of the environment by which Go programs, and the gateway, send everything through here. */
  get environment(): Record<string, string> {
    return { HTTPS_PROXY: this.url, HTTP_PROXY: this.url, NO_PROXY: '127.0.0.1,localhost' }
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #connect(authority: string, client: Duplex): void {
    this.asked.push(authority)
    this.#keep(client)
    const [host, port] = (this.hosts.get(authority) ?? '').split(':')
    if (port === undefined) {
      client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
      return
    }
    const target = connect(Number(port), host)
    this.#keep(target)
    target.once('connect', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      target.pipe(client).pipe(target)
    })
    client.on('close', () => target.destroy())
    target.on('close', () => client.destroy())
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#sockets.delete(socket))
  }
}
