import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { Failure } from '../errors.ts'
import { Connections } from './connections.ts'
import { holdContinue } from './expectation.ts'
import { failureBody } from './failure.ts'
import { refuse } from './refusal.ts'
import { readTlsPair, type TlsFiles } from './tls-files.ts'
import { watchFiles } from './watched-files.ts'

export interface ServerOptions {
  readonly host: string
  readonly port: number
  readonly tls: TlsFiles | undefined
  /** Called when certificate files that have changed can't be used; the old ones stay in force. */
  readonly onTlsError: (error: unknown) => void
  /** ms between looks at the certificate files; 2 s by default. */
  readonly tlsCheckInterval?: number
}

/** Long range lists of lazily pulling clients need more than Node's 16 KiB. */
const HEADER_LIMIT = 64 * 1024
/** Go clients reuse idle connections for up to 120 s; closing sooner makes their next request fail. */
const KEEP_ALIVE = 130_000

/** A listening HTTP or HTTPS server that ends gracefully. */
export class ListeningServer {
  private readonly server: Server | TlsServer
  private readonly connections = new Connections()
  /** Also those whose TLS handshake is not done. */
  private readonly sockets = new Set<Socket>()
  private endWatch: (() => void) | undefined

  private constructor(server: Server | TlsServer, handler: RequestListener, tls: boolean) {
    this.server = server
    server.keepAliveTimeout = KEEP_ALIVE
    server.headersTimeout = KEEP_ALIVE + 5_000
    // Uploads and slow clients take as long as they take.
    server.requestTimeout = 0
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket)
      socket.once('close', () => this.sockets.delete(socket))
    })
    server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => this.connections.add(socket))
    const answer = (req: IncomingMessage, res: ServerResponse): void => {
      this.connections.begin(req.socket, res)
      if (req.headers.host === undefined && req.httpVersion === '1.1') refuseNameless(res)
      else handler(req, res)
    }
    server.on('request', answer)
    server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
      holdContinue(req)
      answer(req, res)
    })
    server.on('checkExpectation', answer)
    server.on('clientError', (error: Error, socket: Socket) => {
      if (this.connections.isAnswering(socket)) socket.destroy()
      else refuse(error, socket, HEADER_LIMIT)
    })
  }

  /** @throws the system's error, as EADDRINUSE; Failure SETTINGS_INVALID when certificate or key can't be used */
  static async listen(handler: RequestListener, options: ServerOptions): Promise<ListeningServer> {
    const { tls } = options
    const settings = { maxHeaderSize: HEADER_LIMIT, noDelay: true, requireHostHeader: false }
    const inner =
      tls === undefined
        ? createServer(settings)
        : createTlsServer({ ...settings, ...(await readTlsPair(tls)) })
    const listening = new ListeningServer(inner, handler, tls !== undefined)
    await new Promise<void>((resolve, reject) => {
      inner.once('error', reject)
      inner.listen(options.port, options.host, () => {
        inner.off('error', reject)
        resolve()
      })
    })
    if (tls !== undefined) listening.watchTls(tls, options)
    return listening
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** Stop accepting, let answers under way finish for at most `grace` ms, then cut what is left. */
  async close(grace: number): Promise<void> {
    this.endWatch?.()
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    this.connections.end()
    const timer = setTimeout(() => {
      this.connections.cut()
      for (const socket of this.sockets) socket.destroy()
    }, grace)
    await closed
    clearTimeout(timer)
  }

  private watchTls(files: TlsFiles, { onTlsError, tlsCheckInterval }: ServerOptions): void {
    const reload = (): void => {
      readTlsPair(files).then((pair) => (this.server as TlsServer).setSecureContext(pair), onTlsError)
    }
    this.endWatch = watchFiles([files.cert, files.key], reload, tlsCheckInterval)
  }
}

/** RFC 9112, 3.2: a request of HTTP/1.1 without `Host` is answered 400. */
function refuseNameless(res: ServerResponse): void {
  const body = failureBody(new Failure('REQUEST_INVALID', 'the request has no Host header'))
  res.writeHead(400, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    Connection: 'close',
  })
  res.end(body)
}
