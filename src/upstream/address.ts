import { lookup as systemLookup, type LookupOptions } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { Failure } from '../errors.ts'
import { OperatorNote } from './operator-note.ts'

/** Not of the public Internet (IANA special-purpose registry, RFC 6890), as address and bits of prefix. */
const PRIVATE_IPV4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Of the host below an Azure machine, which tells that machine's settings.
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]

const PRIVATE_IPV6: readonly (readonly [string, number])[] = [
  // Unspecified, loopback, and the deprecated form with an IPv4 address in it.
  ['::', 96],
  // NAT64 of one's own network (RFC 8215).
  ['64:ff9b:1::', 48],
  ['100::', 64],
  // Teredo and 6to4, which lead to IPv4 addresses that nobody can check.
  ['2001::', 32],
  ['2002::', 16],
  ['2001:db8::', 32],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
]

/** Forms of IPv6 that mean an IPv4 address in their last 32 bits: mapped (RFC 4291), translated, NAT64 (RFC 6052). */
const EMBEDDING = ['::ffff:', '::ffff:0:', '64:ff9b::']

const BLOCKED = blockedAddresses()

function blockedAddresses(): BlockList {
  const list = new BlockList()
  for (const [address, bits] of PRIVATE_IPV4) {
    list.addSubnet(address, bits, 'ipv4')
    for (const prefix of EMBEDDING) list.addSubnet(prefix + address, 96 + bits, 'ipv6')
  }
  for (const [address, bits] of PRIVATE_IPV6) list.addSubnet(address, bits, 'ipv6')
  return list
}

/** Whether an IP address is not one of the public Internet: loopback, link-local, of a private network, multicast… */
export function isPrivateAddress(address: string): boolean {
  const [plain = ''] = address.split('%')
  const version = isIP(plain)
  return version === 0 || BLOCKED.check(plain, version === 6 ? 'ipv6' : 'ipv4')
}

/** Whether the host of a URL is an IP address, and a private one. URLs write such addresses in one form only. */
export function hasPrivateAddress(url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return isIP(host) !== 0 && isPrivateAddress(host)
}

/**
 * A look-up that finds public addresses only, to be given to whoever connects: what is checked is then what is
 * connected to, whatever DNS says a moment later.
 */
export function publicLookup(lookup: LookupFunction = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    const all: LookupOptions & { all: true } = { ...options, all: true }
    lookup(hostname, all, (error, found) => {
      const addresses = (Array.isArray(found) ? found : []).filter(
        ({ address }) => !isPrivateAddress(address),
      )
      const [first] = addresses
      if (error !== null) return callback(error, [])
      if (first === undefined) return callback(onlyPrivate(hostname), [])
      if (options.all === true) return callback(null, addresses)
      callback(null, first.address, first.family)
    })
  }
}

function onlyPrivate(hostname: string): Failure {
  const message = `${hostname}, where a registry sends its readers, has no public address`
  const cause = new OperatorNote(message, { host: hostname })
  return new Failure('CONTENT_UNAVAILABLE', message, { cause })
}
