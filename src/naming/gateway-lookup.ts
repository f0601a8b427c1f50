import { endpointAt, type Endpoint, type EndpointOptions } from '../content/transport/endpoint.ts'
import { ask } from '../content/transport/exchange.ts'
import { refusal } from '../content/transport/refusal.ts'
import { Failure } from '../errors.ts'
import type { MutableName } from '../reference/name.ts'
import type { KeptRecords } from './kept-records.ts'
import { LARGEST_RECORD, verifyIpnsRecord } from './ipns-record.ts'
import type { NameAnswer, NameLookup } from './resolver.ts'
import { unresolved } from './unresolved.ts'

export interface GatewayLookupOptions extends EndpointOptions {
  /** `https://host`, without `/ipns`. */
  readonly baseUrl: string | URL
  /** Where records are kept. */
  readonly records?: KeptRecords
}

/**
 * IPNS keys by records from an HTTP gateway, which is not trusted: the records are verified here (trustless-gateway
 * spec, "IPNS Record").
 */
export class GatewayLookup implements NameLookup {
  readonly name: string
  readonly #endpoint: Endpoint
  readonly #records: KeptRecords | undefined

  constructor(options: GatewayLookupOptions) {
    this.name = options.name
    this.#endpoint = endpointAt(options.baseUrl, options)
    this.#records = options.records
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
      const bytes = await this.#record(name.text, fresh, signal)
      const record = await verifyIpnsRecord(name.key, bytes)
      // Nobody waits for it, and what can't be kept can be fetched again.
      void this.#records?.note(name.key, { ...record, bytes }).catch(() => undefined)
      return record
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
