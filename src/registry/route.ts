import { Failure } from '../errors.ts'
import { isDigest, type Digest } from '../reference/digest.ts'

/** What a request to the registry protocol asks for (distribution-spec, "Endpoints"). */
export type Route =
  | { readonly kind: 'ping' }
  | {
      readonly kind: 'manifest'
      readonly name: string
      readonly reference: Reference
      readonly query: URLSearchParams
    }
  | { readonly kind: 'blob'; readonly name: string; readonly digest: string }
  /** Where uploads begin. */
  | { readonly kind: 'uploads'; readonly name: string; readonly query: URLSearchParams }
  | { readonly kind: 'upload'; readonly name: string; readonly id: string; readonly query: URLSearchParams }
  | { readonly kind: 'catalog'; readonly query: URLSearchParams }
  | { readonly kind: 'tags'; readonly name: string; readonly query: URLSearchParams }
  | {
      readonly kind: 'referrers'
      readonly name: string
      readonly digest: string
      readonly query: URLSearchParams
    }

export type Reference =
  { readonly kind: 'digest'; readonly digest: Digest } | { readonly kind: 'tag'; readonly tag: string }

/** Most requests have none, and nobody changes it. */
const NO_QUERY = new URLSearchParams()

/** Scheme and host of a URL in absolute form, which clients of proxies send (RFC 9112, 3.2.2). */
const ORIGIN = /^https?:\/\/[^/?]*/i

/**
 * Parse the raw URL of a request. Names may contain the words that mark endpoints (`a/manifests/b` is a fine name),
 * so the path is read from its end; it is matched case by case and byte by byte, which Express's router does not do.
 *
 * @throws Failure ROUTE_UNKNOWN when this is no path of the protocol, REQUEST_INVALID for a broken escape
 */
export function parseRoute(target: string): Route {
  const url = target.startsWith('/') ? target : target.replace(ORIGIN, '')
  const mark = url.indexOf('?')
  const path = mark === -1 ? url : url.slice(0, mark)
  if (path === '/v2' || path === '/v2/') return { kind: 'ping' }
  if (!path.startsWith('/v2/')) throw unknown(path)
  const query = mark === -1 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1))
  if (path === '/v2/_catalog') return { kind: 'catalog', query }
  const segments = path.slice('/v2/'.length).split('/')
  const last = decode(segments.at(-1) ?? '')
  const marker = segments.at(-2) ?? ''
  const name = segments.slice(0, -2).join('/')
  if (name !== '' && last !== '') {
    if (marker === 'manifests') return { kind: 'manifest', name, reference: parseReference(last), query }
    if (marker === 'blobs' && last !== 'uploads') return { kind: 'blob', name, digest: last }
    if (marker === 'tags' && last === 'list') return { kind: 'tags', name, query }
    if (marker === 'referrers') return { kind: 'referrers', name, digest: last, query }
  }
  const upload = /^(.+)\/blobs\/uploads(?:\/[^/]*)?$/.exec(segments.join('/'))
  if (upload?.[1] !== undefined) {
    const id = marker === 'uploads' ? last : ''
    return id === ''
      ? { kind: 'uploads', name: upload[1], query }
      : { kind: 'upload', name: upload[1], id, query }
  }
  throw unknown(path)
}

/** The `ns` of a request: the registry whose mirror is asked (distribution-spec, "Registry Proxying"). */
export function namespaceOf(target: string): string | undefined {
  const mark = target.indexOf('?')
  if (mark === -1) return undefined
  return new URLSearchParams(target.slice(mark + 1)).get('ns') ?? undefined
}

function parseReference(text: string): Reference {
  if (isDigest(text)) return { kind: 'digest', digest: text }
  if (text.includes(':')) {
    throw new Failure('DIGEST_INVALID', `"${text.slice(0, 160)}" is not a sha256 or sha512 digest`)
  }
  return { kind: 'tag', tag: text }
}

function decode(segment: string): string {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new Failure('REQUEST_INVALID', `"${segment.slice(0, 160)}" has a broken percent escape`)
  }
}

function unknown(path: string): Failure {
  return new Failure(
    'ROUTE_UNKNOWN',
    `"${path.slice(0, 200)}" is not part of the registry protocol; images are at /v2/ipfs/<cid>/… and /v2/ipns/<name>/…`,
  )
}
