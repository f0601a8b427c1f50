import { CID } from 'multiformats/cid'
import { Failure } from '../../errors.ts'
import { type ContentPath, formatContentPath } from '../source.ts'
import { contentUrl } from '../transport/content-url.ts'
import type { Endpoint } from '../transport/endpoint.ts'
import { type Answer, headerOf } from '../transport/exchange.ts'

/*
 * What the head of an answer of a path gateway says of the content (path gateway specification).
 */

/** Whether the answer is a directory's: a redirect to the same path with a slash, or a generated index. */
export function isDirectoryAnswer(endpoint: Endpoint, path: ContentPath, answer: Answer): boolean {
  if (answer.status >= 300 && answer.status < 400) return redirectsToSlash(endpoint, path, answer)
  return answer.status === 200 && /^(W\/)?"DirIndex/.test(headerOf(answer, 'etag'))
}

function redirectsToSlash(endpoint: Endpoint, path: ContentPath, answer: Answer): boolean {
  const asked = endpoint.prefix + contentUrl(path)
  const location = headerOf(answer, 'location')
  const base = endpoint.origin + asked
  try {
    // Which characters are escaped is a matter of taste.
    return decodeURIComponent(new URL(location, base).pathname) === `${decodeURIComponent(asked)}/`
  } catch {
    return false
  }
}

/** A page for people, from something that is no gateway or wants a login. Files that are HTML say where they are from. */
export function isForeignPage(answer: Answer): boolean {
  const isHtml = headerOf(answer, 'content-type').toLowerCase().startsWith('text/html')
  return isHtml && headerOf(answer, 'x-ipfs-path') === '' && headerOf(answer, 'x-ipfs-roots') === ''
}

/** CID of what the path leads to, where the gateway tells it. */
export function cidOf(answer: Answer): CID | undefined {
  const last = headerOf(answer, 'x-ipfs-roots').split(',').at(-1)?.trim() ?? ''
  try {
    return last === '' ? undefined : CID.parse(last)
  } catch {
    return undefined
  }
}

export function isDirectory(path: ContentPath): Failure {
  const what = formatContentPath(path)
  return new Failure('CONTENT_NOT_FOUND', `${what} is a directory, not a file`, {
    detail: { path: what, kind: 'directory' },
  })
}

export function foreignPage(endpoint: Endpoint, path: ContentPath): Failure {
  const message = `${endpoint.name} answers with a web page instead of ${formatContentPath(path)}: is its address right, does it want a login?`
  return new Failure('CONTENT_UNAVAILABLE', message)
}

export function noSize(endpoint: Endpoint, path: ContentPath): Failure {
  return new Failure(
    'CONTENT_UNAVAILABLE',
    `${endpoint.name} does not say how long ${formatContentPath(path)} is`,
  )
}
