import { LRUCache } from 'lru-cache'
import { CID } from 'multiformats/cid'
import { Failure } from '../../errors.ts'
import { closableBody } from '../closable-body.ts'
import type {
  ByteRange,
  ContentPath,
  ContentSource,
  ContentStat,
  DirectoryEntry,
  OpenedFile,
  OpenOptions,
} from '../source.ts'
import { clampRange, formatContentPath } from '../source.ts'
import { countedBody } from '../transport/counted-body.ts'
import { type Endpoint, endpointAt, type EndpointOptions } from '../transport/endpoint.ts'
import { type Answer, ask, headerOf } from '../transport/exchange.ts'
import { takeEntries } from '../unixfs/directory.ts'
import { listedEntries } from './listing.ts'
import { NodeGateway } from './node-gateway.ts'
import { callRpc, jsonOf } from './rpc.ts'

/** Files whose size is remembered, for ranges of them. */
const SIZES = 10_000

/** Past every file: as good as no end at all. */
const NO_END = Number.MAX_SAFE_INTEGER - 1

export interface KuboSourceOptions extends EndpointOptions {
  /** `http://127.0.0.1:5001`, without `/api/v0`. */
  readonly rpcUrl: string | URL
  /**
   * URL of a multiaddr. Where given, whole blobs are read through the node's own gateway when it has one in reach,
   * which is faster; otherwise everything goes through the RPC.
   */
  readonly gatewayUrlOf?: (multiaddr: string) => string | undefined
}

/** The user's own Kubo over its RPC: believed, since it can't prove a path. */
export function createKuboSource(options: KuboSourceOptions): ContentSource {
  return new KuboSource(options)
}

class KuboSource implements ContentSource {
  readonly name: string
  readonly proof = 'none'
  readonly #endpoint: Endpoint
  readonly #gateway: NodeGateway | undefined
  /** A path below a root never changes what it leads to. */
  readonly #sizes = new LRUCache<string, number>({ max: SIZES })

  constructor(options: KuboSourceOptions) {
    this.name = options.name
    this.#endpoint = endpointAt(options.rpcUrl, options)
    const urlOf = options.gatewayUrlOf
    this.#gateway = urlOf === undefined ? undefined : new NodeGateway(this.#endpoint, urlOf)
  }

  async stat(path: ContentPath, { signal }: { signal: AbortSignal }): Promise<ContentStat> {
    const answer = await callRpc(this.#endpoint, 'files/stat', path, {}, signal)
    const { Hash, Size, Type } = await jsonOf(this.#endpoint, answer)
    const cid = typeof Hash === 'string' ? CID.parse(Hash) : undefined
    if (Type === 'directory') return { kind: 'directory', size: 0, cid, proof: 'none' }
    if (Type !== 'file' || typeof Size !== 'number') {
      throw new Failure('CONTENT_UNAVAILABLE', `${this.name} does not say what ${formatContentPath(path)} is`)
    }
    this.#sizes.set(formatContentPath(path), Size)
    return { kind: 'file', size: Size, cid, proof: 'none' }
  }

  async open(path: ContentPath, { signal, range }: OpenOptions): Promise<OpenedFile> {
    const bulk = range === undefined ? await this.#gateway?.open(path, signal) : undefined
    if (bulk !== undefined) {
      const distrust = (): void => this.#gateway?.discredit()
      return this.#opened(path, bulk.answer, bulk.size, { start: 0, end: bulk.size }, 0, distrust)
    }
    return range === undefined ? this.#openWhole(path, signal) : this.#openRange(path, range, signal)
  }

  async list(
    path: ContentPath,
    { limit, signal }: { limit: number; signal: AbortSignal },
  ): Promise<DirectoryEntry[]> {
    const options = { stream: 'true', size: 'false', 'resolve-type': 'false' }
    const answer = await callRpc(this.#endpoint, 'ls', path, options, signal)
    try {
      const entries = await takeEntries(listedEntries(answer.body, this.name), Math.max(limit, 1))
      // Of a file Kubo lists the parts, which have no names, or nothing.
      const [first] = entries
      if (first === undefined || first.name === '') await this.#expectDirectory(path, signal)
      return entries.slice(0, Math.max(limit, 0))
    } finally {
      answer.body.discard()
    }
  }

  async healthy(signal: AbortSignal): Promise<boolean> {
    try {
      const answer = await ask(this.#endpoint, { method: 'POST', path: '/api/v0/version', signal })
      const { Version } = await jsonOf(this.#endpoint, answer)
      return answer.status === 200 && typeof Version === 'string'
    } catch {
      return false
    }
  }

  async #openWhole(path: ContentPath, signal: AbortSignal): Promise<OpenedFile> {
    const answer = await callRpc(this.#endpoint, 'cat', path, {}, signal)
    try {
      const size = lengthOf(answer) ?? (await this.#sizeOf(path, signal))
      this.#sizes.set(formatContentPath(path), size)
      return this.#opened(path, answer, size, { start: 0, end: size }, 0)
    } catch (error) {
      answer.body.discard()
      throw error
    }
  }

  /**
   * `X-Content-Length` counts what is sent, so the size of the file follows from it only where the range reaches the
   * end. One byte more than wanted is asked for: if it is not there, that was the end.
   */
  async #openRange(path: ContentPath, { start, end }: ByteRange, signal: AbortSignal): Promise<OpenedFile> {
    const wanted = end >= NO_END ? undefined : Math.max(0, end - start) + 1
    const options = { offset: String(start), ...(wanted === undefined ? {} : { length: String(wanted) }) }
    const answer = await callRpc(this.#endpoint, 'cat', path, options, signal)
    try {
      const sent = lengthOf(answer)
      const reachesEnd = sent !== undefined && sent > 0 && (wanted === undefined || sent < wanted)
      const size = reachesEnd ? start + sent : await this.#sizeOf(path, signal)
      return this.#opened(path, answer, size, clampRange({ start, end }, size), size > end ? 1 : 0)
    } catch (error) {
      answer.body.discard()
      throw error
    }
  }

  /** @param rest bytes that come behind the range */
  #opened(
    path: ContentPath,
    answer: Answer,
    size: number,
    range: ByteRange,
    rest: number,
    discredit: () => void = () => undefined,
  ): OpenedFile {
    const count = {
      skip: 0,
      length: range.end - range.start,
      rest,
      name: this.name,
      what: formatContentPath(path),
    }
    return {
      size,
      cid: undefined,
      proof: 'none',
      source: this.name,
      body: closableBody(countedBody(answer.body, count), () => answer.body.discard()),
      discredit,
    }
  }

  async #sizeOf(path: ContentPath, signal: AbortSignal): Promise<number> {
    return this.#sizes.get(formatContentPath(path)) ?? (await this.stat(path, { signal })).size
  }

  async #expectDirectory(path: ContentPath, signal: AbortSignal): Promise<void> {
    const { kind } = await this.stat(path, { signal })
    if (kind === 'directory') return
    const what = formatContentPath(path)
    throw new Failure('CONTENT_NOT_FOUND', `${what} is a file, not a directory`, {
      detail: { path: what, kind },
    })
  }
}

/** Bytes that the body is said to have. */
function lengthOf(answer: Answer): number | undefined {
  const text = headerOf(answer, 'x-content-length')
  return /^\d+$/.test(text) ? Number(text) : undefined
}
