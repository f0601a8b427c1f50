import { base36 } from 'multiformats/bases/base36'
import type { ContentPath } from '../content/source.ts'
import { Failure } from '../errors.ts'
import { CODEC, isKeyHash, parseCid, parsePeerId } from '../reference/cid.ts'
import { isDomainName } from '../reference/dnslink.ts'
import type { MutableName } from '../reference/name.ts'

/** What the value of an IPNS record or DNSLink stands for. */
export type NameTarget =
  | { readonly kind: 'ipfs'; readonly path: ContentPath }
  | { readonly kind: 'ipns'; readonly name: MutableName; readonly segments: readonly string[] }

/** An IPNS record has at most 10 KiB (ipns-record spec), so no longer value can come from one. */
const LONGEST_VALUE = 10 * 1024
const MOST_SEGMENTS = 128

/**
 * Parse the value of an IPNS record or DNSLink: `/ipfs/<cid>/<path>` or `/ipns/<name>/<path>`. CIDs come out as
 * version 1, keys and peer ids as libp2p-key CIDs.
 *
 * @throws Failure CONTENT_INVALID when it is neither
 */
export function parseTarget(value: string): NameTarget {
  if (value.length > LONGEST_VALUE) throw unusable(value, 'it is too long')
  const [lead, space, id, ...rest] = value.split('/')
  if (lead !== '' || id === undefined || id === '') {
    throw unusable(value, 'it is neither /ipfs/<cid> nor /ipns/<name>')
  }
  const segments = rest.filter((segment) => segment !== '')
  if (segments.length > MOST_SEGMENTS) throw unusable(value, 'its path is too deep')
  if (segments.some((segment) => segment === '.' || segment === '..' || segment.includes('\0'))) {
    throw unusable(value, 'its path has a segment that no directory entry can have')
  }
  if (space === 'ipfs') {
    const root = parseCid(id)
    if (root === undefined || root.code === CODEC.libp2pKey)
      throw unusable(value, `"${shown(id)}" is no CID of content`)
    return { kind: 'ipfs', path: { root, segments } }
  }
  if (space === 'ipns') {
    const name = parseKey(id) ?? parseDomain(id)
    if (name === undefined) throw unusable(value, `"${shown(id)}" is neither an IPNS key nor a domain name`)
    return { kind: 'ipns', name, segments }
  }
  throw unusable(value, 'it is neither /ipfs/<cid> nor /ipns/<name>')
}

/** `/ipfs/…` as saved by this program. Undefined when malformed. */
export function parseSavedPath(text: string): ContentPath | undefined {
  try {
    const target = parseTarget(text)
    return target.kind === 'ipfs' ? target.path : undefined
  } catch {
    return undefined
  }
}

/** An IPNS key as a CID in any multibase, or a peer id (`12D3…`, `Qm…`). */
export function parseKey(text: string): (MutableName & { readonly kind: 'key' }) | undefined {
  const cid = parseCid(text)
  const key = cid?.code === CODEC.libp2pKey && isKeyHash(cid.multihash) ? cid : parsePeerId(text)
  return key === undefined ? undefined : { kind: 'key', key, text: key.toString(base36) }
}

function parseDomain(text: string): MutableName | undefined {
  const name = text.toLowerCase().replace(/\.$/, '')
  return isDomainName(name) ? { kind: 'dnslink', text: name } : undefined
}

function unusable(value: string, why: string): Failure {
  return new Failure('CONTENT_INVALID', `The value "${shown(value)}" can't be followed: ${why}`)
}

function shown(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}
