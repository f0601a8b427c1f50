import type { Endpoint } from '../../content/transport/endpoint.ts'
import { Failure } from '../../errors.ts'
import { endpointFor, type HostAccess } from '../host-access.ts'
import { OperatorNote } from '../operator-note.ts'
import { objectionTo } from '../redirect.ts'

/** The place that issues tokens for a registry. */
export interface TokenServer {
  readonly endpoint: Endpoint
  /** Path and query of the realm. */
  readonly path: string
  /** The registry's. */
  readonly access: HostAccess
}

/**
 * The token server that a registry's challenge names. It is held to what redirects are held to, but for one on the
 * registry's own host: that one is trusted with its port, too.
 *
 * @throws Failure CONTENT_UNAVAILABLE when it is no place to show credentials to
 */
export function tokenServerAt(realm: string, access: HostAccess): TokenServer {
  const url = URL.canParse(realm) ? new URL(realm) : undefined
  const sameHost = url?.hostname === access.url.hostname
  const objection =
    url === undefined
      ? 'it is no URL'
      : objectionTo(url, access.url, sameHost || access.allowPrivateRedirects)
  if (url === undefined || objection !== undefined) {
    const message = `${access.name} wants a token from where this gateway asks for none: ${objection ?? ''}`
    const cause = new OperatorNote(message, url === undefined ? {} : { realm: url.origin })
    throw new Failure('CONTENT_UNAVAILABLE', message, { cause })
  }
  const name = `the token server of ${access.name}`
  return {
    endpoint: endpointFor(access, url, { name, elsewhere: !sameHost, retry: true }),
    path: url.pathname + url.search,
    access,
  }
}
