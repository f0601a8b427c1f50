import { endpointAt, type Endpoint, type EndpointOptions } from '../content/transport/endpoint.ts'
import { ask } from '../content/transport/exchange.ts'
import { refusal } from '../content/transport/refusal.ts'
import { Failure } from '../errors.ts'
import type { MutableName } from '../reference/name.ts'
import { LARGEST_RECORD, verifyIpnsRecord } from './ipns-record.ts'
import type { NameAnswer, NameLookup } from './resolver.ts'
import { unresolved } from './unresolved.ts'

export interface GatewayLookupOptions extends EndpointOptions {
  /** `https://host`, without `/ipns`. */
  readonly baseUrl: string | URL
}

/**
 * IPNS keys by records from an HTTP gateway, which is not trusted: the records are verified here (trustless-gateway
 * spec, "IPNS Record").
 */
export class GatewayLookup implements NameLookup {
  readonly name: string
  readonly #endpoint: Endpoint

  constructor(options: GatewayLookupOptions) {
    this.name = options.name
    this.#endpoint = endpointAt(options.baseUrl, options)
  }

  accepts(name: MutableName): boolean {
    return name.kind === 'key'
  }

  /**
   * @throws Failure NAME_UNRESOLVED when the gateway gives no record, which proves nothing; CONTENT_INVALID when it
   *   gives a wrong one
   */
  async lookup(
    name: MutableName,
    { signal, fresh = false }: { signal: AbortSignal; fresh?: boolean },
  ): Promise<NameAnswer> {
    if (name.kind !== 'key')
      throw new Failure('INTERNAL', `${this.name} was asked for ${name.text}, no IPNS key`)
    try {
      return await verifyIpnsRecord(name.key, await this.#record(name.text, fresh, signal))
    } catch (error) {
      throw signal.aborted ? error : unresolved(error)
    }
  }

  async #record(key: string, fresh: boolean, signal: AbortSignal): Promise<Uint8Array> {
    const answer = await ask(this.#endpoint, {
      method: 'GET',
      // The format parameter decides (IPIP-0523), but older gateways know only Accept.
      path: `/ipns/${key}?format=ipns-record`,
      headers: { accept: 'application/vnd.ipfs.ipns-record', ...(fresh && { 'cache-control': 'no-cache' }) },
      signal,
    })
    if (answer.status !== 200) throw await refusal(this.#endpoint, answer, `/ipns/${key}`)
    return answer.body.readAll(LARGEST_RECORD)
  }
}
