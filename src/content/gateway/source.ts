import { Failure } from '../../errors.ts'
import type { ContentSource } from '../source.ts'
import type { EndpointOptions } from '../transport/endpoint.ts'

export interface GatewayOptions extends EndpointOptions {
  /** `https://host`, without `/ipfs`. */
  readonly baseUrl: string | URL
  /** Bytes of directory blocks remembered. Default 16 MiB. */
  readonly blockCacheBytes?: number
  /** ms for which a gateway that could not answer with a CAR is read block by block. Default 10 minutes. */
  readonly carRetryAfter?: number
  /** Blocks asked for at once where the gateway is read block by block. Default 8. */
  readonly readAhead?: number
}

/** A trustless HTTP gateway: every block is checked here. */
export function createGatewaySource(options: GatewayOptions): ContentSource {
  throw new Failure('INTERNAL', `${options.name}: not built yet`)
}
