import { readFile } from 'node:fs/promises'
import { watch, type FSWatcher } from 'node:fs'
import { createServer, type RequestListener, type Server, STATUS_CODES } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { dirname } from 'node:path'
import { Failure, messageOf } from '../errors.ts'
import { failureBody } from './failure.ts'

export interface ServerOptions {
  readonly host: string
  readonly port: number
  readonly tls: { cert: string; key: string } | undefined
  /** Called when certificate files that have changed can't be used; the old ones stay in force. */
  readonly onTlsError: (error: unknown) => void
}

/** Long range lists of lazily pulling clients need more than Node's 16 KiB. */
const HEADER_LIMIT = 64 * 1024
/** Go clients reuse idle connections for up to 120 s; closing sooner makes their next request fail. */
const KEEP_ALIVE = 130_000

/** A listening HTTP or HTTPS server that ends gracefully. */
export class ListeningServer {
  private readonly server: Server | TlsServer
  private readonly watchers: FSWatcher[] = []
  private readonly sockets = new Set<Socket>()

  private constructor(server: Server | TlsServer) {
    this.server = server
    server.keepAliveTimeout = KEEP_ALIVE
    server.headersTimeout = KEEP_ALIVE + 5_000
    // Uploads and slow clients take as long as they take.
    server.requestTimeout = 0
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket)
      socket.once('close', () => this.sockets.delete(socket))
    })
    server.on('clientError', (error: Error, socket: Socket) => refuse(error, socket))
  }

  /** @throws the system's error, as EADDRINUSE; Failure SETTINGS_INVALID when certificate or key can't be used */
  static async listen(handler: RequestListener, options: ServerOptions): Promise<ListeningServer> {
    const { tls } = options
    const settings = { maxHeaderSize: HEADER_LIMIT, noDelay: true }
    const inner =
      tls === undefined
        ? createServer(settings, handler)
        : createTlsServer({ ...settings, ...(await readPair(tls)) }, handler)
    const listening = new ListeningServer(inner)
    await new Promise<void>((resolve, reject) => {
      inner.once('error', reject)
      inner.listen(options.port, options.host, () => {
        inner.off('error', reject)
        resolve()
      })
    })
    if (tls !== undefined) listening.watchTls(tls, options.onTlsError)
    return listening
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** Stop accepting, let answers under way finish for at most `grace` ms, then cut what is left. */
  async close(grace: number): Promise<void> {
    for (const watcher of this.watchers) watcher.close()
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    this.server.closeIdleConnections()
    const timer = setTimeout(() => {
      for (const socket of this.sockets) socket.destroy()
    }, grace)
    await closed
    clearTimeout(timer)
  }

  /** Folders are watched, not files: certificates are renewed by renaming, often behind symbolic links. */
  private watchTls(files: { cert: string; key: string }, onError: (error: unknown) => void): void {
    let timer: NodeJS.Timeout | undefined
    const reload = (): void => {
      readPair(files).then(
        (pair) => (this.server as TlsServer).setSecureContext(pair),
        (error: unknown) => onError(error),
      )
    }
    for (const folder of new Set([dirname(files.cert), dirname(files.key)])) {
      const watcher = watch(folder, { persistent: false }, () => {
        clearTimeout(timer)
        timer = setTimeout(reload, 200)
        timer.unref()
      })
      watcher.on('error', onError)
      this.watchers.push(watcher)
    }
  }
}

async function readPair(files: { cert: string; key: string }): Promise<{ cert: Buffer; key: Buffer }> {
  try {
    const [cert, key] = await Promise.all([readFile(files.cert), readFile(files.key)])
    const { createSecureContext } = await import('node:tls')
    createSecureContext({ cert, key })
    return { cert, key }
  } catch (error) {
    throw new Failure(
      'SETTINGS_INVALID',
      `certificate ${files.cert} with key ${files.key}: ${messageOf(error)}`,
    )
  }
}

/** What Node's parser refuses before there is a request still gets an answer that a registry client can read. */
function refuse(error: Error, socket: Socket): void {
  if (!socket.writable || ('code' in error && error.code === 'ECONNRESET')) {
    socket.destroy()
    return
  }
  const tooLarge = 'code' in error && error.code === 'HPE_HEADER_OVERFLOW'
  const status = tooLarge ? 431 : 400
  const message = tooLarge
    ? `the request's headers exceed ${HEADER_LIMIT} bytes`
    : 'this is not an HTTP request'
  const body = failureBody(new Failure('REQUEST_INVALID', message))
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body.toString()}`,
  )
}
