import type { Endpoint } from '../content/transport/endpoint.ts'
import type { HostDispatchers } from './dispatchers.ts'
import type { Pause } from './pause.ts'

/** What an operator wants to know of the requests to one host. */
export interface HostEvents {
  /** Something to set right. Neither text nor fields have secrets in them. */
  warn(message: string, fields: Readonly<Record<string, string | number>>): void
  /** An answer came, from the host or from where it has sent us; also those that lead to another request. */
  answered(kind: 'manifest' | 'blob' | 'tags' | 'referrers' | 'token' | 'health', status: number): void
}

/** One host and how it is asked: what all requests on its behalf have in common. */
export interface HostAccess {
  /** Of the registry, for messages. */
  readonly name: string
  /** `https://host[:port][/prefix]`, without `/v2`. */
  readonly url: URL
  /** What this gateway calls itself in `Via`. */
  readonly via: string
  /** Sent with every request, `via` among them. */
  readonly headers: Readonly<Record<string, string>>
  /** Sent with each single request to the host itself, never to where it sends us. */
  readonly requestHeaders?: (() => Readonly<Record<string, string>>) | undefined
  readonly dispatchers: HostDispatchers
  readonly allowPrivateRedirects: boolean
  /** ms, as in EndpointOptions. */
  readonly answerTimeout: number
  readonly stallTimeout: number
  readonly pause: Pause
  readonly events: HostEvents
}

/** URL of a path below the host's own. */
export function urlOf(access: HostAccess, path: string): URL {
  return new URL(access.url.pathname.replace(/\/+$/, '') + path, access.url)
}

/**
 * Where a URL is asked, whose path and query are for the question to say.
 *
 * @param options see {@link HostDispatchers.for}
 */
export function endpointFor(
  access: HostAccess,
  url: URL,
  options: { name: string; elsewhere: boolean; retry: boolean },
): Endpoint {
  return {
    name: options.name,
    dispatcher: access.dispatchers.for(options),
    headers: access.headers,
    requestHeaders: options.elsewhere ? undefined : access.requestHeaders,
    answerTimeout: access.answerTimeout,
    stallTimeout: access.stallTimeout,
    origin: url.origin,
    prefix: '',
  }
}
