import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { play } from './spoilt-answer.ts'
import type { Step, WholeAnswer } from './spoilt-answer.ts'
import type { Teardown } from './teardown.ts'

/** One request that went through. */
export interface Passed {
  readonly method: string
  /** Path and query. */
  readonly url: string
  /** The request's. */
  readonly headers: IncomingHttpHeaders
  /** Bytes of the answer's body that were passed on. */
  bytes: number
  status: number
}

/** What is done to one answer's body. Offsets count from its first byte. */
export type Fault =
  | { readonly kind: 'flip'; readonly offset: number }
  /** The connection is destroyed there; `clean` ends the answer as if it were whole, as Kubo does. */
  | { readonly kind: 'cut'; readonly offset: number; readonly clean?: boolean }
  /** Nothing more comes after it. */
  | { readonly kind: 'stall'; readonly offset: number }
  | { readonly kind: 'lengthen'; readonly bytes: number }
  /** The request gets no answer at all. */
  | { readonly kind: 'mute' }
  /** ms before the request is passed on. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** The request is passed on once that has come. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> }
  /** The request is not passed on. */
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers?: Record<string, string>
      readonly body?: string | Uint8Array
    }
  /** The whole answer is taken, and what is made of it is sent; `instead`: the request is not passed on. */
  | {
      readonly kind: 'spoil'
      readonly steps: (answer: WholeAnswer, url: string) => Iterable<Step>
      readonly instead?: WholeAnswer
    }
  /** The body is compressed, whatever the request says, and the headers tell. */
  | { readonly kind: 'gzip' }

/**
 * An HTTP proxy in this process between a gateway and its source, which counts what passes and can spoil answers.
 */
export class CountingProxy {
  readonly requests: Passed[] = []
  /** Asked for each request; undefined leaves the answer as it is. */
  fault: (passed: Passed) => Fault | undefined = () => undefined
  readonly url: string
  readonly #target: URL
  readonly #server: Server
  readonly #agent = new Agent({ keepAlive: true })
  readonly #stalled = new AbortController()

  private constructor(target: string, server: Server) {
    this.#target = new URL(target)
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  static async start(teardown: Teardown, target: string): Promise<CountingProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new CountingProxy(target, server)
    server.on('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
      proxy.#pass(incoming, outgoing).catch(() => outgoing.destroy())
    })
    teardown.defer(() => proxy.stop())
    return proxy
  }

  /** Bytes of all bodies so far. */
  get bytes(): number {
    return this.requests.reduce((sum, passed) => sum + passed.bytes, 0)
  }

  reset(): void {
    this.requests.length = 0
  }

  /** Let go of those who wait, then refuse connections. */
  async stop(): Promise<void> {
    this.#stalled.abort()
    this.#server.closeAllConnections()
    this.#agent.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = '', url = '', headers: asked } = incoming
    const passed: Passed = { method, url, headers: asked, bytes: 0, status: 0 }
    this.requests.push(passed)
    const fault = this.fault(passed)
    if (fault?.kind === 'mute') {
      await this.#never()
      return
    }
    if (fault?.kind === 'answer') {
      passed.status = fault.status
      const body = bytesOf(method === 'HEAD' ? '' : (fault.body ?? ''))
      passed.bytes = body.length
      outgoing.writeHead(fault.status, { 'content-length': body.length, ...fault.headers }).end(body)
      return
    }
    if (fault?.kind === 'spoil' && fault.instead !== undefined) {
      await this.#play(fault.steps(fault.instead, url), passed, incoming)
      return
    }
    if (fault?.kind === 'slow') await delay(fault.ms, undefined, { signal: this.#stalled.signal })
    if (fault?.kind === 'hold') await Promise.race([fault.until, this.#never()])

    const upstream = request({
      agent: this.#agent,
      hostname: this.#target.hostname,
      port: this.#target.port,
      method: incoming.method,
      path: incoming.url,
      headers: { ...incoming.headers, host: this.#target.host },
    })
    outgoing.on('close', () => upstream.destroy())
    incoming.pipe(upstream)
    const [answer] = (await once(upstream, 'response')) as [IncomingMessage]
    passed.status = answer.statusCode ?? 0
    if (fault?.kind === 'spoil') {
      await this.#play(fault.steps(await wholeOf(answer, method), url), passed, incoming)
      return
    }

    const headers = { ...answer.headers }
    // They are of the connection behind.
    delete headers['keep-alive']
    delete headers.connection
    const length = headers['content-length']
    if (length !== undefined && fault?.kind === 'lengthen') {
      headers['content-length'] = String(Number(length) + fault.bytes)
    }
    if (fault?.kind === 'cut' && fault.clean === true) delete headers['content-length']
    if (fault?.kind === 'gzip') {
      const body = gzipSync(await buffer(answer))
      passed.bytes = body.length
      headers['content-encoding'] = 'gzip'
      headers['content-length'] = String(body.length)
      outgoing.writeHead(passed.status, headers).end(body)
      return
    }
    outgoing.writeHead(passed.status, headers)
    outgoing.flushHeaders()

    for await (const piece of answer as AsyncIterable<Buffer>) {
      const done = await this.#spoil(piece, passed, fault, outgoing)
      if (done) return
    }
    if (fault?.kind === 'lengthen') {
      passed.bytes += fault.bytes
      outgoing.write(Buffer.alloc(fault.bytes, 0x2e))
    }
    outgoing.end()
  }

  async #play(steps: Iterable<Step>, passed: Passed, { socket }: IncomingMessage): Promise<void> {
    const before = socket.bytesWritten
    await play(steps, socket, this.#stalled.signal)
    passed.bytes += socket.bytesWritten - before
  }

  /** Pass one piece on as the fault has it; true when the answer is over. */
  async #spoil(
    piece: Buffer,
    passed: Passed,
    fault: Fault | undefined,
    outgoing: ServerResponse,
  ): Promise<boolean> {
    let kept = piece
    const offset = fault !== undefined && 'offset' in fault ? fault.offset - passed.bytes : Infinity
    const here = offset >= 0 && offset < piece.length
    if (here && fault?.kind === 'flip') {
      kept = Buffer.from(piece)
      kept[offset] = (kept[offset] as number) ^ 0x01
    } else if (here) {
      kept = piece.subarray(0, offset)
    }
    passed.bytes += kept.length
    if (!outgoing.write(kept)) await drained(outgoing)
    if (outgoing.destroyed) return true
    if (!here || fault?.kind === 'flip') return false
    if (fault?.kind === 'stall') await this.#never()
    else if (fault?.kind === 'cut' && fault.clean === true) outgoing.end()
    else {
      // What was written must leave before the connection breaks.
      await new Promise((resolve) => outgoing.write('', resolve))
      outgoing.destroy()
    }
    return true
  }

  async #never(): Promise<void> {
    if (!this.#stalled.signal.aborted) await once(this.#stalled.signal, 'abort')
  }
}

function bytesOf(body: string | Uint8Array): Buffer {
  return typeof body === 'string' ? Buffer.from(body) : Buffer.from(body)
}

async function wholeOf(answer: IncomingMessage, method: string): Promise<WholeAnswer> {
  const headers = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [name, String(value)] as const),
  )
  const length = method === 'HEAD' ? Number(answer.headers['content-length'] ?? 0) : undefined
  return { status: answer.statusCode ?? 0, headers, body: await buffer(answer), length }
}

/** Resolves when there is room again, or the client has left. */
async function drained(outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed) return
  await new Promise<void>((resolve) => {
    const go = (): void => {
      outgoing.off('drain', go).off('close', go)
      resolve()
    }
    outgoing.on('drain', go).on('close', go)
  })
}
