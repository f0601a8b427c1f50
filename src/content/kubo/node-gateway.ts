import { namesBlob } from '../blob-name.ts'
import type { ContentPath } from '../source.ts'
import { contentUrl } from '../transport/content-url.ts'
import { type Endpoint, endpointAt } from '../transport/endpoint.ts'
import { type Answer, ask, headerOf } from '../transport/exchange.ts'

/** ms after which a gateway that could not be found is looked for again. */
const LOOK_AGAIN = 60_000

/**
 * The gateway of the node itself, which gives bytes two to three times faster than its RPC. Nothing proves that what
 * answers at the address the node names is that node, so only blobs are read there, which are held to their digest
 * afterwards, and only whole; if one turns out wrong, the gateway is not used again.
 */
export class NodeGateway {
  readonly #rpc: Endpoint
  readonly #urlOf: (multiaddr: string) => string | undefined
  #found: Promise<Endpoint | undefined> | undefined
  #lookAgainAt = 0
  #discredited = false

  constructor(rpc: Endpoint, urlOf: (multiaddr: string) => string | undefined) {
    this.#rpc = rpc
    this.#urlOf = urlOf
  }

  /** Ask for a whole blob; undefined where the RPC has to be asked instead. */
  async open(path: ContentPath, signal: AbortSignal): Promise<{ answer: Answer; size: number } | undefined> {
    if (this.#discredited || !namesBlob(path)) return undefined
    const endpoint = await this.#endpoint(signal)
    if (endpoint === undefined) return undefined
    try {
      const answer = await ask(endpoint, { method: 'GET', path: contentUrl(path), signal })
      const length = headerOf(answer, 'content-length')
      // The path it says it answers for keeps other programs at that address out.
      const isOurs = headerOf(answer, 'x-ipfs-path') !== '' && /^\d+$/.test(length)
      if (answer.status === 200 && isOurs) return { answer, size: Number(length) }
      answer.body.discard()
    } catch (error) {
      if (signal.aborted) throw error
      this.#forget()
    }
    return undefined
  }

  discredit(): void {
    this.#discredited = true
  }

  async #endpoint(signal: AbortSignal): Promise<Endpoint | undefined> {
    if (this.#found === undefined && performance.now() < this.#lookAgainAt) return undefined
    this.#found ??= this.#look()
    const found = await abortable(this.#found, signal)
    if (found === undefined) this.#forget()
    return found
  }

  #forget(): void {
    this.#found = undefined
    this.#lookAgainAt = performance.now() + LOOK_AGAIN
  }

  /** Where the node says its gateway is, when a gateway answers there. Never throws. */
  async #look(): Promise<Endpoint | undefined> {
    const signal = AbortSignal.timeout(5000)
    try {
      for (const url of await this.#addresses(signal)) {
        const { name, dispatcher, answerTimeout, stallTimeout } = this.#rpc
        // Without the headers of the RPC: its credentials are not for others.
        const endpoint = endpointAt(url, { name, dispatcher, answerTimeout, stallTimeout })
        const probe = await ask(endpoint, { method: 'GET', path: '/ipfs/bafkqaaa?format=raw', signal })
        const empty = (await probe.body.readAll(1024)).byteLength === 0
        if (probe.status === 200 && empty && headerOf(probe, 'content-type') === 'application/vnd.ipld.raw') {
          return endpoint
        }
      }
    } catch {
      // The RPC does as well.
    }
    return undefined
  }

  async #addresses(signal: AbortSignal): Promise<string[]> {
    const answer = await ask(this.#rpc, {
      method: 'POST',
      path: '/api/v0/config?arg=Addresses.Gateway',
      signal,
    })
    const text = (await answer.body.readAll(64 * 1024)).toString('utf8')
    if (answer.status !== 200) return []
    const { Value } = JSON.parse(text) as { Value?: unknown }
    const listed: unknown[] = Array.isArray(Value) ? Value : [Value]
    return listed.flatMap((address) => (typeof address === 'string' ? this.#reachable(address) : []))
  }

  /** The address as seen from here: the node's own loopback is ours only if that is how its RPC is reached. */
  #reachable(multiaddr: string): string[] {
    const text = this.#urlOf(multiaddr)
    if (text === undefined) return []
    const url = new URL(text)
    const rpc = new URL(this.#rpc.origin)
    if (isLoopback(url.hostname) && !isLoopback(rpc.hostname)) return []
    if (['0.0.0.0', '[::]'].includes(url.hostname)) url.hostname = rpc.hostname
    // The name "localhost" makes Kubo redirect to host names of its own.
    if (url.hostname === 'localhost') url.hostname = '127.0.0.1'
    return [url.origin]
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}

/** Rejects with the reason of the signal when that comes first. */
function abortable<T>(outcome: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    outcome.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
