import type { AnswerBody } from '../content/transport/answer-body.ts'
import { endpointAt, type Endpoint, type EndpointOptions } from '../content/transport/endpoint.ts'
import { ask, type Answer } from '../content/transport/exchange.ts'
import { textOf } from '../content/transport/refusal.ts'
import { Failure } from '../errors.ts'
import type { MutableName } from '../reference/name.ts'
import type { NameAnswer, NameLookup } from './resolver.ts'
import { unresolved } from './unresolved.ts'

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
  readonly #endpoint: Endpoint
  readonly #settleFor: number

  constructor(options: KuboLookupOptions) {
    this.name = options.name
    const { answerTimeout = 60_000, stallTimeout = answerTimeout } = options
    // The node may search for as long before its first path as after its head.
    this.#endpoint = endpointAt(options.rpcUrl, { ...options, answerTimeout, stallTimeout })
    this.#settleFor = options.settleFor ?? 1000
  }

  accepts(name: MutableName): boolean {
    return name.kind === 'key'
  }

  /** @throws Failure NAME_UNRESOLVED when the node does not find the name or can't be asked */
  async lookup(
    name: MutableName,
    { signal, fresh = false }: { signal: AbortSignal; fresh?: boolean },
  ): Promise<NameAnswer> {
    const query = new URLSearchParams({
      arg: `/ipns/${name.text}`,
      // One step at a time, so that each is held to the same rules whoever resolves it.
      recursive: 'false',
      stream: 'true',
      nocache: String(fresh),
    })
    try {
      const path = `/api/v0/name/resolve?${query.toString()}`
      const answer = await ask(this.#endpoint, { method: 'POST', path, signal })
      if (answer.status !== 200) throw await this.#refused(answer)
      return { value: await this.#lastPath(answer.body), ttl: undefined }
    } catch (error) {
      throw signal.aborted ? error : unresolved(error)
    }
  }

  /** The newest of the paths that come; a cut or an error after the first leaves those before it good. */
  async #lastPath(body: AnswerBody): Promise<string> {
    let path: string | undefined
    let timer: NodeJS.Timeout | undefined
    try {
      for await (const line of linesOf(body)) {
        path = pathIn(line) ?? path
        if (path !== undefined) timer ??= setTimeout(() => body.discard(), this.#settleFor)
      }
    } catch (error) {
      if (path === undefined) throw error
    } finally {
      clearTimeout(timer)
      body.discard()
    }
    const said = body.trailers['x-stream-error'] ?? 'no record of the key was found'
    if (path === undefined) throw new Failure('NAME_UNRESOLVED', `${this.name}: ${String(said)}`)
    return path
  }

  /** Kubo answers 500 for whatever it can't do, with a message that says what. */
  async #refused(answer: Answer): Promise<Failure> {
    const text = await textOf(answer)
    const message = parsed(text)?.Message
    const said = typeof message === 'string' ? message : `${answer.status} ${text}`.trim()
    const hint = answer.status === 401 || answer.status === 403 ? '; its RPC asks for other credentials' : ''
    return new Failure('NAME_UNRESOLVED', `${this.name}: ${said}${hint}`)
  }
}

/** Bytes; a path has at most 10 KiB, and few come. */
const LARGEST_ANSWER = 1024 * 1024

async function* linesOf(body: AnswerBody): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  let size = 0
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    size += piece.byteLength
    if (size > LARGEST_ANSWER) throw new Failure('NAME_UNRESOLVED', 'the answer has no end')
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

function parsed(line: string): { Path?: unknown; Message?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
