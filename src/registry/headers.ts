import type { ServerResponse } from 'node:http'
import type { Exchange } from '../http/exchange.ts'
import type { Provenance } from '../repository/repository.ts'

const IMMUTABLE = 'max-age=31536000, immutable'

/** Characters of a warning. */
const MAX_WARNING = 500

export function setCommonHeaders(res: ServerResponse, requestId: string): void {
  res.setHeader('Docker-Distribution-Api-Version', 'registry/2.0')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.setHeader('X-Request-Id', requestId)
}

/** What content-addressed answers have in common: they never change. */
export function setDigestHeaders(res: ServerResponse, exchange: Exchange, digest: string): void {
  res.setHeader('Docker-Content-Digest', digest)
  res.setHeader('ETag', `"${digest}"`)
  res.setHeader('Cache-Control', `${readers(exchange)}, ${IMMUTABLE}`)
}

/** `maxAge` in seconds; undefined: to be revalidated each time. */
export function setFreshness(res: ServerResponse, exchange: Exchange, maxAge: number | undefined): void {
  const always = exchange.isPrivate ? 'private, no-cache' : 'no-cache'
  const value = maxAge === undefined ? always : `${readers(exchange)}, max-age=${Math.floor(maxAge)}`
  res.setHeader('Cache-Control', value)
}

/** Who may be given what a cache has kept. */
function readers({ isPrivate }: Exchange): 'private' | 'public' {
  return isPrivate ? 'private' : 'public'
}

/** Where it came from, in the words of the IPFS path gateway specification, and warnings (RFC 7234, 5.5). */
export function setProvenance(res: ServerResponse, provenance: Provenance): void {
  const { contentPath, roots, warning } = provenance
  setContentPath(res, contentPath)
  if (roots.length > 0) res.setHeader('X-Ipfs-Roots', roots.join(','))
  if (warning !== undefined) {
    // Words of others may be in it, and clients take so many bytes of headers only.
    const text = warning.slice(0, MAX_WARNING).replaceAll(/["\\]/g, '\\$&')
    res.setHeader('Warning', `299 - "${text.replaceAll(/[^\x20-\x7e]/g, '?')}"`)
  }
}

/** @param contentPath `/ipfs/<cid>/<path…>`; undefined where it is not to be told */
export function setContentPath(res: ServerResponse, contentPath: string | undefined): void {
  if (contentPath !== undefined) res.setHeader('X-Ipfs-Path', encodeURI(contentPath))
}
