import { isIP } from 'node:net'

/** Where a listener is bound. */
export interface Address {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
}

const HOST_AND_PORT = /^(?:\[([0-9a-fA-F:.]+(?:%\w+)?)\]|([^\s:/[\]]*)):(\d{1,5})$/

/** `HOST:PORT`, `[IPV6]:PORT`, or `:PORT` for every IPv4 interface; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const match = HOST_AND_PORT.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65535) return undefined
  const bracketed = match[1]
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed, port } : undefined
  return { host: match[2] === '' || match[2] === undefined ? '0.0.0.0' : match[2], port }
}

/** What {@link parseAddress} takes. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/**
 * A DNS server as `dns.Resolver.setServers` wants it: `1.1.1.1`, `1.1.1.1:5353`, `[2606:4700::1111]:53`.
 * Undefined for anything else, host names included: they would need a resolver themselves.
 */
export function parseDnsServer(text: string): string | undefined {
  if (isIP(text) !== 0) return text
  const address = parseAddress(text)
  if (address === undefined || address.port === 0 || isIP(address.host) === 0 || text.startsWith(':'))
    return undefined
  return formatAddress(address)
}
