import { multiaddr } from '@multiformats/multiaddr'

/** Where an HTTP API is reached: over TCP, or through a socket file. */
export interface HttpEndpoint {
  /** `http://host:port` without a slash at the end. */
  readonly url: string
  /** Path of a Unix socket to connect to instead of the URL's host. */
  readonly socketPath: string | undefined
}

const HOSTS = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6'])

/**
 * The HTTP endpoint that a multiaddr means, as Kubo writes them into `$IPFS_PATH/api` and `…/gateway`:
 * `/ip4/127.0.0.1/tcp/5001`, `/dns4/kubo/tcp/5001/http`, `/ip6/::1/tcp/443/https`, `/unix/run/ipfs.sock`.
 * Undefined for anything else.
 */
export function endpointOfMultiaddr(text: string): HttpEndpoint | undefined {
  // A socket's path would swallow what follows it, so it takes no parsing.
  if (text.startsWith('/unix/')) return { url: 'http://localhost', socketPath: text.slice('/unix'.length) }
  const parts = components(text)
  const [host, port, ...rest] = parts
  if (host?.value === undefined || !HOSTS.has(host.name)) return undefined
  if (port?.name !== 'tcp' || port.value === undefined) return undefined
  const scheme = schemeOf(rest.map((part) => part.name))
  if (scheme === undefined) return undefined
  const name = host.name === 'ip6' ? `[${host.value}]` : host.value
  const url = `${scheme}://${name}:${port.value}`
  return URL.canParse(url) ? { url: new URL(url).origin, socketPath: undefined } : undefined
}

function schemeOf(names: readonly string[]): 'http' | 'https' | undefined {
  switch (names.join('/')) {
    case '':
    case 'http':
      return 'http'
    case 'https':
    case 'tls/http':
      return 'https'
    default:
      return undefined
  }
}

function components(text: string): readonly { name: string; value?: string }[] {
  try {
    return multiaddr(text).getComponents()
  } catch {
    return []
  }
}
