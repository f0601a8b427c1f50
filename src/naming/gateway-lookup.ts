import { request, type Dispatcher } from 'undici'
import type { EndpointOptions } from '../content/transport/endpoint.ts'
import { Failure, messageOf } from '../errors.ts'
import type { MutableName } from '../reference/name.ts'
import { LARGEST_RECORD, verifyIpnsRecord } from './ipns-record.ts'
import type { NameAnswer, NameLookup } from './resolver.ts'

export interface GatewayLookupOptions extends EndpointOptions {
  /** `https://host`, without `/ipns`. */
  readonly baseUrl: string | URL
}

const RECORD_TYPE = 'application/vnd.ipfs.ipns-record'

/**
 * IPNS keys by records from an HTTP gateway, which is not trusted: the records are verified here (trustless-gateway
 * spec, "IPNS Record").
 */
export class GatewayLookup implements NameLookup {
  readonly name: string
  readonly #options: GatewayLookupOptions
  readonly #base: URL

  constructor(options: GatewayLookupOptions) {
    this.name = options.name
    this.#options = options
    this.#base = new URL(options.baseUrl)
  }

  accepts(name: MutableName): boolean {
    return name.kind === 'key'
  }

  /** @throws Failure NAME_UNRESOLVED when the gateway gives no record, CONTENT_INVALID when it gives a wrong one */
  async lookup(
    name: MutableName,
    { signal, fresh = false }: { signal: AbortSignal; fresh?: boolean },
  ): Promise<NameAnswer> {
    if (name.kind !== 'key')
      throw new Failure('INTERNAL', `${this.name} was asked for ${name.text}, no IPNS key`)
    const bytes = await this.#fetch(name.text, fresh, signal)
    return verifyIpnsRecord(name.key, bytes)
  }

  async #fetch(key: string, fresh: boolean, signal: AbortSignal): Promise<Uint8Array> {
    const { dispatcher, headers, answerTimeout = 60_000, stallTimeout = 15_000 } = this.#options
    const url = new URL(
      `${this.#base.pathname.replace(/\/$/, '')}/ipns/${key}?format=ipns-record`,
      this.#base,
    )
    try {
      const answer = await request(url, {
        dispatcher,
        signal,
        headersTimeout: answerTimeout,
        bodyTimeout: stallTimeout,
        // The format parameter decides (IPIP-0523), but older gateways know only Accept.
        headers: { ...headers, accept: RECORD_TYPE, ...(fresh && { 'cache-control': 'no-cache' }) },
      })
      if (answer.statusCode !== 200) {
        await answer.body.dump({ limit: LARGEST_RECORD, signal })
        throw refused(answer)
      }
      return await readRecord(answer)
    } catch (error) {
      if (signal.aborted || error instanceof Failure) throw error
      throw new Failure('NAME_UNRESOLVED', `it could not be asked: ${messageOf(error)}`, { cause: error })
    }
  }
}

/** The body, of which one byte more than allowed is enough to know that it is no record. */
async function readRecord(answer: Dispatcher.ResponseData): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of answer.body as AsyncIterable<Uint8Array>) {
    pieces.push(piece)
    size += piece.byteLength
    if (size > LARGEST_RECORD) {
      const type = String(answer.headers['content-type'] ?? 'no type')
      throw new Failure(
        'CONTENT_INVALID',
        `it sent more than ${LARGEST_RECORD} bytes (${type}) as an IPNS record`,
      )
    }
  }
  return Buffer.concat(pieces)
}

/** What a status means. A 404 from a party that is not trusted proves nothing. */
function refused({ statusCode, headers }: Dispatcher.ResponseData): Failure {
  const retryAfter = Number(headers['retry-after'])
  const options =
    Number.isInteger(retryAfter) && retryAfter > 0 ? { retryAfter: Math.min(retryAfter, 60) } : {}
  if (statusCode === 404) return new Failure('NAME_UNRESOLVED', 'it finds no record of this key', options)
  if (statusCode >= 300 && statusCode < 400) {
    const to = String(headers.location ?? 'elsewhere').slice(0, 200)
    return new Failure(
      'NAME_UNRESOLVED',
      `it redirects to ${to}, which is not followed: name a gateway that answers itself`,
    )
  }
  return new Failure('NAME_UNRESOLVED', `it answered with status ${statusCode}`, options)
}
