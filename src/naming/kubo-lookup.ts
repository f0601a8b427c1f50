import { request, type Dispatcher } from 'undici'
import type { EndpointOptions } from '../content/transport/endpoint.ts'
import { Failure, messageOf } from '../errors.ts'
import type { MutableName } from '../reference/name.ts'
import type { NameAnswer, NameLookup } from './resolver.ts'

export interface KuboLookupOptions extends EndpointOptions {
  /** `http://127.0.0.1:5001`, without `/api/v0`. */
  readonly rpcUrl: string | URL
  /** ms for which a path waits for a newer one, while the node goes on searching. Default 1000. */
  readonly settleFor?: number
}

/**
 * IPNS keys by a Kubo that is trusted, over its RPC (`name/resolve`). Kubo streams ever newer paths as it finds
 * records; the last one counts. It tells neither TTL nor sequence, and sees to both itself.
 */
export class KuboLookup implements NameLookup {
  readonly name: string
  readonly #options: KuboLookupOptions
  readonly #rpc: URL

  constructor(options: KuboLookupOptions) {
    this.name = options.name
    this.#options = options
    this.#rpc = new URL(options.rpcUrl)
  }

  accepts(name: MutableName): boolean {
    return name.kind === 'key'
  }

  /** @throws Failure NAME_UNRESOLVED when the node does not find the name or can't be asked */
  async lookup(
    name: MutableName,
    { signal, fresh = false }: { signal: AbortSignal; fresh?: boolean },
  ): Promise<NameAnswer> {
    const { dispatcher, headers, answerTimeout = 60_000 } = this.#options
    const url = new URL(`${this.#rpc.pathname.replace(/\/$/, '')}/api/v0/name/resolve`, this.#rpc)
    // One step at a time, so that each is held to the same rules whoever resolves it.
    url.search = new URLSearchParams({
      arg: `/ipns/${name.text}`,
      recursive: 'false',
      stream: 'true',
      nocache: String(fresh),
    }).toString()
    try {
      const answer = await request(url, {
        method: 'POST',
        dispatcher,
        signal,
        headersTimeout: answerTimeout,
        // Between two paths the node may search for long; the signal and settleFor bound that.
        bodyTimeout: 0,
        ...(headers && { headers: { ...headers } }),
      })
      if (answer.statusCode !== 200) throw refused(answer.statusCode, await beginningOf(answer.body))
      return { value: await this.#lastPath(answer), ttl: undefined }
    } catch (error) {
      if (signal.aborted || error instanceof Failure) throw error
      throw new Failure('NAME_UNRESOLVED', `it could not be asked: ${messageOf(error)}`, { cause: error })
    }
  }

  /** The newest of the paths that come; a cut or an error after the first leaves those before it good. */
  async #lastPath({ body, trailers }: Dispatcher.ResponseData): Promise<string> {
    let path: string | undefined
    let timer: NodeJS.Timeout | undefined
    let failure: unknown
    try {
      for await (const line of linesOf(body)) {
        path = pathIn(line) ?? path
        if (path !== undefined) timer ??= setTimeout(() => body.destroy(), this.#options.settleFor ?? 1000)
      }
    } catch (error) {
      failure = error
    } finally {
      clearTimeout(timer)
      body.destroy()
    }
    if (path !== undefined) return path
    const late = (trailers as Record<string, string | undefined> | undefined)?.['x-stream-error']
    throw new Failure(
      'NAME_UNRESOLVED',
      late ?? (failure === undefined ? 'it found no path' : messageOf(failure)),
    )
  }
}

/** Bytes; a path has at most 10 KiB, and few come. */
const LARGEST_ANSWER = 1024 * 1024

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  let size = 0
  for await (const piece of body) {
    size += piece.byteLength
    if (size > LARGEST_ANSWER) throw new Failure('NAME_UNRESOLVED', 'its answer has no end')
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}

function pathIn(line: string): string | undefined {
  const said = parsed(line)
  return typeof said?.Path === 'string' ? said.Path : undefined
}

async function beginningOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  for await (const line of linesOf(body)) return line
  return ''
}

/** Kubo answers 500 for whatever it can't do, with a message that says what. */
function refused(status: number, line: string): Failure {
  const message = parsed(line)?.Message
  const said = typeof message === 'string' ? message : `status ${status}`
  const hint = status === 401 || status === 403 ? ': its API.Authorizations need a token' : ''
  return new Failure('NAME_UNRESOLVED', `it answered "${said.slice(0, 300)}"${hint}`)
}

function parsed(line: string): { Path?: unknown; Message?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
