import { Failure } from '../errors.ts'

/** What a request to the trustless gateway asks for. */
export interface TrustlessRoute {
  readonly space: 'ipfs' | 'ipns'
  /** CID or key as it was written. */
  readonly id: string
  readonly segments: readonly string[]
  readonly query: URLSearchParams
  /** The path as it was written, without the query. */
  readonly path: string
}

/** Scheme and host of a URL in absolute form, which clients of proxies send (RFC 9112, 3.2.2). */
const ORIGIN = /^https?:\/\/[^/?]*/i

/** Names on a path; deeper folders than that are made to be absurd. */
const MOST_SEGMENTS = 256

/**
 * Parse the raw URL of a request: `/ipfs/<cid>[/<path>]` or `/ipns/<key>`.
 *
 * @returns undefined for every other path
 * @throws Failure REQUEST_INVALID for a broken escape, an empty or a relative segment
 */
export function parseTrustlessRoute(target: string): TrustlessRoute | undefined {
  const url = target.startsWith('/') ? target : target.replace(ORIGIN, '')
  const mark = url.indexOf('?')
  const path = mark === -1 ? url : url.slice(0, mark)
  const [, space, id = '', ...rest] = path.split('/')
  if ((space !== 'ipfs' && space !== 'ipns') || id === '') return undefined
  // One slash at the end says no more than none.
  if (rest.at(-1) === '') rest.pop()
  if (rest.length > MOST_SEGMENTS) {
    throw new Failure(
      'REQUEST_INVALID',
      `a path of ${rest.length} segments; at most ${MOST_SEGMENTS} are followed`,
    )
  }
  return {
    space,
    id: decode(id),
    segments: rest.map(decodeSegment),
    query: new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1)),
    path,
  }
}

function decodeSegment(text: string): string {
  const segment = decode(text)
  if (segment === '' || segment === '.' || segment === '..') {
    throw new Failure('REQUEST_INVALID', `"${segment}" is no name of an entry`)
  }
  return segment
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Failure('REQUEST_INVALID', `"${text.slice(0, 160)}" has a broken percent escape`)
  }
}
