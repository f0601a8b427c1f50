import type { LookupFunction } from 'node:net'
import { type Dispatcher, interceptors } from 'undici'
import { createDispatcher, type DispatcherOptions } from '../content/transport/dispatcher.ts'
import { publicLookup } from './address.ts'

/** Few and short, since a client waits: 0.1 s, then 0.2 s, however long the server would have us wait. */
const RETRIES = {
  maxRetries: 2,
  minTimeout: 100,
  maxTimeout: 200,
  methods: ['GET', 'POST'] as Dispatcher.HttpMethod[],
  statusCodes: [502, 503, 504],
  // Those of a connection that was never made: what breaks off later may have been heard.
  errorCodes: ['ECONNREFUSED', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'EAI_AGAIN'],
  throwOnError: false,
}

export interface HostDispatcherOptions extends Pick<DispatcherOptions, 'ca' | 'proxy'> {
  /** Finds the addresses of host names. Default: as the system does. */
  readonly lookup?: LookupFunction | undefined
  /** Whether a registry may send its readers to private addresses. */
  readonly allowPrivateRedirects: boolean
}

/** What requests on behalf of one registry go through; `ca` is trusted wherever it sends us, too. */
export class HostDispatchers {
  readonly #host: Retrying
  readonly #elsewhere: Retrying

  constructor(options: HostDispatcherOptions) {
    const { allowPrivateRedirects, lookup } = options
    this.#host = retrying(createDispatcher(options))
    this.#elsewhere = retrying(
      createDispatcher({ ...options, lookup: allowPrivateRedirects ? lookup : publicLookup(lookup) }),
    )
  }

  /**
   * @param options `elsewhere`: to where the registry has sent us; `retry`: asked again after a short while where it
   *   fails, which is for what is asked by GET or POST and is small
   */
  for({ elsewhere, retry }: { elsewhere: boolean; retry: boolean }): Dispatcher {
    const pair = elsewhere ? this.#elsewhere : this.#host
    return retry ? pair.retrying : pair.plain
  }

  async destroy(): Promise<void> {
    await Promise.all([this.#host.plain.destroy(), this.#elsewhere.plain.destroy()])
  }
}

interface Retrying {
  readonly plain: Dispatcher
  readonly retrying: Dispatcher
}

function retrying(plain: Dispatcher): Retrying {
  return { plain, retrying: plain.compose(finalAnswersOnly, interceptors.retry(RETRIES)) }
}

/** The retry interceptor takes the first head it sees for the answer, also that of an interim one (103). */
const finalAnswersOnly: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
  dispatch(options, {
    onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
    onResponseStart: (controller, status, headers, text) => {
      if (status >= 200) handler.onResponseStart?.(controller, status, headers, text)
    },
    onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
    onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
    onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
  })
