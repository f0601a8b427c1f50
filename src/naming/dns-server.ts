import { getServers } from 'node:dns'
import { isIP } from 'node:net'
import { Failure } from '../errors.ts'

/** A recursive DNS server. */
export interface DnsServer {
  /** IPv4 or IPv6 address, or a host name that the system resolves. */
  readonly host: string
  readonly port: number
}

const FORM = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/

/**
 * Parse `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address; port 53 when none is given.
 *
 * @throws Failure SETTINGS_INVALID
 */
export function parseDnsServer(text: string): DnsServer {
  if (isIP(text) === 6) return { host: text, port: 53 }
  const [, v6, host = v6, digits = '53'] = FORM.exec(text) ?? []
  const port = Number(digits)
  if (host === undefined || port < 1 || port > 65535 || (v6 !== undefined && isIP(v6) !== 6)) {
    throw new Failure('SETTINGS_INVALID', `"${text}" is no DNS server: write host, host:port or [IPv6]:port`)
  }
  return { host, port }
}

/** The servers this system uses, in its order. */
export function systemDnsServers(): DnsServer[] {
  return getServers().map(parseDnsServer)
}

export function formatDnsServer({ host, port }: DnsServer): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}
