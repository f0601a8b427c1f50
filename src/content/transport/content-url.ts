import { Failure } from '../../errors.ts'
import { type ContentPath, formatContentPath } from '../source.ts'

/** Half of a character outside of the basic plane, which UTF-8 can't say. */
const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * `/ipfs/<root>/<segments…>` as the path of a URL.
 *
 * @throws Failure CONTENT_NOT_FOUND for segments that no URL can say: empty, `.`, `..`, or broken Unicode
 */
export function contentUrl(path: ContentPath): string {
  const segments = path.segments.map((segment, index) => {
    if (!['', '.', '..'].includes(segment) && !LONE_SURROGATE.test(segment))
      return encodeURIComponent(segment)
    throw new Failure('CONTENT_NOT_FOUND', `nothing can be at ${formatContentPath(path)}`, {
      detail: { path: formatContentPath(path), missing: index },
    })
  })
  return ['/ipfs', path.root.toString(), ...segments].join('/')
}
