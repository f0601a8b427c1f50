import type { ServerResponse } from 'node:http'
import { contentTypeOf, type Format } from './format.ts'
import type { TrustlessRoute } from './route.ts'

/** What is said of every answer that has content. */
export interface Description {
  readonly route: TrustlessRoute
  readonly format: Format
  /** Strong, without quotes. */
  readonly etag: string
  /** Name that the content is stored under where the request gives none. */
  readonly filename: string
  /** CIDs of the path, root first; none for a record. */
  readonly roots: readonly string[]
  /** Seconds that the answer holds; undefined: for ever. */
  readonly maxAge?: number
}

/** Least `max-age` of what never changes (path gateway specification, `Cache-Control`). */
const FOR_EVER = 31_536_000

/** Headers of an answer (path gateway and trustless gateway specifications, "Response Headers"). */
export function describe(res: ServerResponse, description: Description): void {
  const { route, format, etag, filename, roots, maxAge } = description
  res.setHeader('Content-Type', contentTypeOf(format))
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.setHeader('Content-Disposition', contentDisposition(route.query.get('filename'), filename))
  res.setHeader('ETag', `"${etag}"`)
  res.setHeader(
    'Cache-Control',
    maxAge === undefined ? `public, max-age=${FOR_EVER}, immutable` : `public, max-age=${Math.floor(maxAge)}`,
  )
  res.setHeader('Vary', 'Accept')
  res.setHeader('X-Ipfs-Path', route.path)
  if (roots.length > 0) res.setHeader('X-Ipfs-Roots', roots.join(','))
  // The address of just this form of it, for caches that know nothing of Accept.
  if (!route.query.has('format')) {
    const query = new URLSearchParams([['format', format.kind], ...route.query])
    res.setHeader('Content-Location', `${route.path}?${query.toString()}`)
  }
}

/** RFC 6266, with a name that everyone can read and the whole one. */
function contentDisposition(given: string | null, otherwise: string): string {
  if (given === null || given === '') return `attachment; filename="${otherwise}"`
  const ascii = given.replaceAll(/[^\x20-\x7e]|["\\/]/gu, '_')
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encodeValue(given)}`
}

/** `value-chars` of RFC 8187. */
function encodeValue(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
