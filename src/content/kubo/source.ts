import { Failure } from '../../errors.ts'
import type { ContentSource } from '../source.ts'
import type { EndpointOptions } from '../transport/endpoint.ts'

export interface KuboSourceOptions extends EndpointOptions {
  /** `http://127.0.0.1:5001`, without `/api/v0`. */
  readonly rpcUrl: string | URL
  /** Read whole blobs through the node's own gateway where it answers, which is faster. Default false. */
  readonly useGateway?: boolean
}

/** The user's own Kubo over its RPC: believed, since it can't prove a path. */
export function createKuboSource(options: KuboSourceOptions): ContentSource {
  throw new Failure('INTERNAL', `${options.name}: not built yet`)
}
