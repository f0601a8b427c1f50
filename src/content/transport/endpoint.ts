import type { Dispatcher } from 'undici'

/** Where a source that is reached over HTTP lives, and how long to wait for it. */
export interface EndpointOptions {
  /** Name of the source, for messages: `kubo`, `gateway:host`. */
  readonly name: string
  /** What requests go through: connections, TLS and proxies are its business. Not closed by the source. */
  readonly dispatcher: Dispatcher
  /** Sent with every request, for instance an Authorization. */
  readonly headers?: Readonly<Record<string, string>>
  /** Headers of each single request, for instance those that tie it to a trace. */
  readonly requestHeaders?: (() => Readonly<Record<string, string>>) | undefined
  /** ms to wait for the head of an answer, connecting included. Default 60 000. */
  readonly answerTimeout?: number
  /** ms to wait for the next byte of a body while someone reads it. Default 15 000. */
  readonly stallTimeout?: number
}

/** {@link EndpointOptions} with its defaults and its address taken apart. */
export interface Endpoint {
  readonly name: string
  readonly dispatcher: Dispatcher
  readonly headers: Readonly<Record<string, string>>
  readonly requestHeaders?: (() => Readonly<Record<string, string>>) | undefined
  readonly answerTimeout: number
  readonly stallTimeout: number
  /** `https://host:port` */
  readonly origin: string
  /** Path of the base URL, without a slash at its end. */
  readonly prefix: string
}

export function endpointAt(baseUrl: string | URL, options: EndpointOptions): Endpoint {
  const { origin, pathname } = new URL(baseUrl)
  return {
    name: options.name,
    dispatcher: options.dispatcher,
    headers: options.headers ?? {},
    requestHeaders: options.requestHeaders,
    answerTimeout: options.answerTimeout ?? 60_000,
    stallTimeout: options.stallTimeout ?? 15_000,
    origin,
    prefix: pathname.replace(/\/+$/, ''),
  }
}
