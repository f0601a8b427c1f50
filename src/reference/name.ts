import { base36 } from 'multiformats/bases/base36'
import type { CID } from 'multiformats/cid'
import { Failure } from '../errors.ts'
import { CODEC, isKeyHash, parseCid, parsePeerId } from './cid.ts'
import { inlinedDomainName, isDomainName } from './dnslink.ts'
import { codecName } from './codec-name.ts'

/** An IPNS key or a DNSLink name. */
export type MutableName =
  | {
      readonly kind: 'key'
      /** libp2p-key CIDv1. */
      readonly key: CID
      /** base36, as IPFS writes it: the canonical form in logs, caches and requests. */
      readonly text: string
    }
  | {
      readonly kind: 'dnslink'
      /** Lower-case FQDN without trailing dot. */
      readonly text: string
    }

/** What the `<name>` part of a `/v2/<name>/…` request stands for. */
export type RepositoryName =
  | {
      readonly kind: 'ipfs'
      /** As in the request. */
      readonly name: string
      readonly root: CID
      readonly segments: readonly string[]
    }
  | {
      readonly kind: 'ipns'
      readonly name: string
      readonly mutable: MutableName
      readonly segments: readonly string[]
    }
  | {
      /** A name of an ordinary registry. */
      readonly kind: 'upstream'
      readonly name: string
    }

/** Distribution's own limit. */
const MAX_UPSTREAM_LENGTH = 255
/** CIDs make names longer, and not every client counts. */
const MAX_IPFS_LENGTH = 1024

/** A path component (distribution-spec, "Pulling manifests"). */
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
/** What may also stand after `ipfs/` or `ipns/`: multibases with capitals, from clients that can send them. */
const MULTIBASE = /^[A-Za-z0-9][A-Za-z0-9_-]*$/

/** Base58 after a client lower-cased it: CIDv0, CIDv1 in base58btc, and the common PeerIDs. */
const LOWERED_CIDV0 = /^qm[1-9a-z]{44}$/
const LOWERED_BASE58_CID = /^z(?:dj7w|b2rh)[1-9a-z]{44}$/
const LOWERED_PEER_ID = /^(?:qm[1-9a-z]{44}|12d3koo[1-9a-z]{45}|16uiu2ha[1-9a-z]{45})$/

/**
 * Tell what a repository name stands for. `ipfs/<x>/…` is content where `<x>` is a CID; `ipns/<x>/…` is a mutable
 * name where `<x>` is a key, a PeerID, a domain name or an inlined one; all else is a name of an ordinary registry.
 *
 * @throws Failure NAME_INVALID when the name breaks the grammar of the distribution-spec, or is a CID or key that can
 *   only be a mistake
 */
export function parseRepositoryName(name: string): RepositoryName {
  const [space, id, ...segments] = name.split('/')
  if ((space !== 'ipfs' && space !== 'ipns') || id === undefined) return upstream(name)
  if (name.length > MAX_IPFS_LENGTH) throw tooLong(name, MAX_IPFS_LENGTH)
  if (!MULTIBASE.test(id)) checkComponent(name, id)
  for (const segment of segments) checkComponent(name, segment)

  if (space === 'ipfs') {
    const root = rootCid(id)
    return root === undefined ? upstream(name) : { kind: 'ipfs', name, root, segments }
  }
  const mutable = mutableName(id)
  return mutable === undefined ? upstream(name) : { kind: 'ipns', name, mutable, segments }
}

function upstream(name: string): RepositoryName {
  if (name.length > MAX_UPSTREAM_LENGTH) throw tooLong(name, MAX_UPSTREAM_LENGTH)
  for (const component of name.split('/')) checkComponent(name, component)
  return { kind: 'upstream', name }
}

function rootCid(text: string): CID | undefined {
  const cid = parseCid(text)
  if (cid === undefined) {
    if (LOWERED_CIDV0.test(text) || LOWERED_BASE58_CID.test(text)) {
      const prefix = text.startsWith('q') ? 'Qm…' : `${text.slice(0, 1)}…`
      throw invalid(
        `"${text}" looks like a CID in base58 (${prefix}) in lower case, which has lost what it named; ` +
          `take the lower-case form of the original CID: ipfs cid base32 ${prefix}`,
      )
    }
    return undefined
  }
  if (cid.code === CODEC.libp2pKey) {
    throw invalid(`"${text}" is an IPNS key, not content; use ipns/${cid.toString(base36)} in place of ipfs/`)
  }
  if (cid.code !== CODEC.dagPb && cid.code !== CODEC.raw) {
    throw invalid(
      `CID "${text}" is of codec ${codecName(cid.code)}; images are read from files and folders (dag-pb, raw)`,
    )
  }
  return cid
}

function mutableName(text: string): MutableName | undefined {
  const cid = parseCid(text)
  const key = parsePeerId(text) ?? (cid?.code === CODEC.libp2pKey ? cid : undefined)
  if (key !== undefined) {
    if (!isKeyHash(key.multihash)) throw invalid(`"${text}" holds no public key, so it is no IPNS name`)
    return { kind: 'key', key, text: key.toString(base36) }
  }
  if (cid !== undefined) {
    throw invalid(
      `"${text}" is the CID of content, not an IPNS key; use ipfs/${cid.toString()} in place of ipns/`,
    )
  }
  if (LOWERED_PEER_ID.test(text)) {
    throw invalid(
      `"${text}" looks like a PeerID in lower case, which has lost what it named; ` +
        'take its base36 form (k51…), as ipfs key list -l --ipns-base base36 prints it',
    )
  }
  if (!COMPONENT.test(text)) return undefined
  if (text.includes('.')) {
    if (!isDomainName(text)) throw invalid(`"${text}" is no domain name, so it can have no DNSLink`)
    return { kind: 'dnslink', text }
  }
  const domain = inlinedDomainName(text)
  return domain === undefined ? undefined : { kind: 'dnslink', text: domain }
}

function checkComponent(name: string, component: string): void {
  if (COMPONENT.test(component)) return
  const shown = shorten(name)
  if (component === '') throw invalid(`"${shown}" has an empty component`)
  if (/[A-Z]/.test(component)) {
    throw invalid(`"${shown}" has capitals in "${shorten(component)}"; repository names are lower case`)
  }
  throw invalid(
    `"${shorten(component)}" in "${shown}" is no component of a repository name: lower-case letters and digits, ` +
      'with one ".", one or two "_", or any number of "-" between them',
  )
}

function tooLong(name: string, limit: number): Failure {
  return invalid(`the repository name has ${name.length} characters; ${limit} are allowed`)
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

function invalid(message: string): Failure {
  return new Failure('NAME_INVALID', message)
}
