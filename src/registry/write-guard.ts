import type { IncomingMessage } from 'node:http'
import { Failure } from '../errors.ts'
import { hostNameOf, isLoopback } from '../http/called-host.ts'

/**
 * Refuse what a web page makes a browser send, where no credentials are asked for: any page may send requests to this
 * machine, and a page whose name leads to the loopback is of the same origin as the gateway for its browser. So a write
 * has to name the gateway as its user does, and must not come from somewhere else.
 *
 * @param hosts names besides those of the loopback that clients know the gateway by, in lower case
 * @throws Failure DENIED
 */
export function refuseBrowsers({ headers }: IncomingMessage, hosts: readonly string[]): void {
  const { host, origin } = headers
  const name = host === undefined ? undefined : hostNameOf(host)
  // Without a Host header it is HTTP/1.0, which no browser speaks.
  if (host !== undefined && (name === undefined || !(isLoopback(name) || hosts.includes(name)))) {
    throw new Failure(
      'DENIED',
      `nothing is pushed to "${host.slice(0, 255)}" without authentication: if that is this gateway, ` +
        `start it with --push-host ${name ?? 'NAME'}`,
    )
  }
  if (origin !== undefined && !isSame(origin, host)) {
    throw new Failure(
      'DENIED',
      `a web page of ${origin.slice(0, 255)} wants to write to this gateway; only clients of registries may`,
    )
  }
}

function isSame(origin: string, host: string | undefined): boolean {
  try {
    const { protocol, host: from } = new URL(origin)
    return new URL(`${protocol}//${host ?? ''}`).host === from
  } catch {
    return false
  }
}
