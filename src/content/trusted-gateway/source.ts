import { Failure } from '../../errors.ts'
import { closableBody } from '../closable-body.ts'
import { rawBlocks } from '../gateway/raw-blocks.ts'
import type {
  ByteRange,
  ContentPath,
  ContentSource,
  ContentStat,
  DirectoryEntry,
  OpenedFile,
  OpenOptions,
} from '../source.ts'
import { formatContentPath } from '../source.ts'
import { contentUrl } from '../transport/content-url.ts'
import { countedBody } from '../transport/counted-body.ts'
import { type Endpoint, endpointAt, type EndpointOptions } from '../transport/endpoint.ts'
import { type Answer, ask } from '../transport/exchange.ts'
import { countOf, rangeHeader, sizeOf } from '../transport/ranged-answer.ts'
import { refusal } from '../transport/refusal.ts'
import { directoryEntries, directoryRoot, takeEntries } from '../unixfs/directory.ts'
import { meaningOf404 } from './absence.ts'
import { cidOf, foreignPage, isDirectory, isDirectoryAnswer, isForeignPage, noSize } from './meaning.ts'

/** Bytes of the first block of a directory. */
const MAX_DIRECTORY_BLOCK = 2 * 1024 * 1024

export interface TrustedGatewayOptions extends EndpointOptions {
  /** `https://host`, without `/ipfs`. */
  readonly baseUrl: string | URL
}

/** A gateway that gives deserialised bytes, believed because its owner says so. */
export function createTrustedGatewaySource(options: TrustedGatewayOptions): ContentSource {
  return new TrustedGateway(options)
}

class TrustedGateway implements ContentSource {
  readonly name: string
  readonly proof = 'none'
  readonly #endpoint: Endpoint

  constructor(options: TrustedGatewayOptions) {
    this.name = options.name
    this.#endpoint = endpointAt(options.baseUrl, options)
  }

  async stat(path: ContentPath, { signal }: { signal: AbortSignal }): Promise<ContentStat> {
    const answer = await this.#ask('HEAD', path, undefined, signal)
    answer.body.discard()
    if (isDirectoryAnswer(this.#endpoint, path, answer))
      return { kind: 'directory', size: 0, cid: cidOf(answer), proof: 'none' }
    await this.#accept(path, answer, signal)
    const size = sizeOf(answer)
    if (size === undefined) throw noSize(this.#endpoint, path)
    return { kind: 'file', size, cid: cidOf(answer), proof: 'none' }
  }

  async open(path: ContentPath, { signal, range }: OpenOptions): Promise<OpenedFile> {
    const answer = await this.#ask('GET', path, range, signal)
    try {
      if (isDirectoryAnswer(this.#endpoint, path, answer)) throw isDirectory(path)
      await this.#accept(path, answer, signal)
      const size = sizeOf(answer) ?? (await this.stat(path, { signal })).size
      const count = countOf(answer, range, size, { name: this.name, what: formatContentPath(path) })
      return {
        size,
        cid: cidOf(answer),
        proof: 'none',
        source: this.name,
        body: closableBody(countedBody(answer.body, count), () => answer.body.discard()),
        discredit: () => undefined,
      }
    } catch (error) {
      answer.body.discard()
      throw error
    }
  }

  /** Only where the gateway also gives single blocks: an index page is for people. */
  async list(
    path: ContentPath,
    { limit, signal }: { limit: number; signal: AbortSignal },
  ): Promise<DirectoryEntry[]> {
    const answer = await ask(this.#endpoint, {
      method: 'GET',
      path: `${contentUrl(path)}?format=raw`,
      headers: { accept: 'application/vnd.ipld.raw' },
      signal,
    })
    const cid = cidOf(answer)
    const what = formatContentPath(path)
    if (answer.status === 404) throw await meaningOf404(this.#endpoint, path, answer, signal)
    if (answer.status !== 200) throw await refusal(this.#endpoint, answer, `the list of ${what}`)
    if (cid === undefined) {
      answer.body.discard()
      throw new Failure('CONTENT_UNAVAILABLE', `${this.name} gives no lists of directories`)
    }
    const bytes = await answer.body.readAll(MAX_DIRECTORY_BLOCK)
    const blocks = rawBlocks(this.#endpoint)
    const entries = directoryEntries(blocks, directoryRoot(cid, bytes, what), { signal, readAhead: 4 })
    return takeEntries(entries, limit)
  }

  async healthy(signal: AbortSignal): Promise<boolean> {
    try {
      const answer = await ask(this.#endpoint, { method: 'GET', path: '/ipfs/bafkqaaa', signal })
      return (await answer.body.readAll(1024)).byteLength === 0 && answer.status === 200
    } catch {
      return false
    }
  }

  #ask(
    method: 'GET' | 'HEAD',
    path: ContentPath,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): Promise<Answer> {
    return ask(this.#endpoint, { method, path: contentUrl(path), headers: rangeHeader(range), signal })
  }

  /** @throws Failure for every answer that is not that of a file */
  async #accept(path: ContentPath, answer: Answer, signal: AbortSignal): Promise<void> {
    const { status } = answer
    if (status === 404) throw await meaningOf404(this.#endpoint, path, answer, signal)
    if (status !== 200 && status !== 206 && status !== 416) {
      throw await refusal(this.#endpoint, answer, formatContentPath(path))
    }
    if (isForeignPage(answer)) throw foreignPage(this.#endpoint, path)
  }
}
