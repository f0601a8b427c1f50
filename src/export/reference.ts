import { Failure } from '../errors.ts'
import { parseDigest } from '../reference/digest.ts'
import type { Digest } from '../reference/digest.ts'
import { isTag } from '../reference/tag.ts'

/** What of a layout is wanted. */
export type Wanted =
  | { readonly kind: 'all' }
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'digest'; readonly digest: Digest }

/**
 * Split `:<tag>` or `@<digest>` off the end of a path, as references of images have them.
 *
 * @throws Failure NAME_INVALID, DIGEST_INVALID when what stands there is none
 */
export function parseReference(text: string): { path: string; wanted: Wanted } {
  const slash = text.lastIndexOf('/')
  const at = text.indexOf('@', slash + 1)
  if (at !== -1) {
    return { path: text.slice(0, at), wanted: { kind: 'digest', digest: parseDigest(text.slice(at + 1)) } }
  }
  const colon = text.lastIndexOf(':')
  if (colon <= slash) return { path: text, wanted: { kind: 'all' } }
  const tag = text.slice(colon + 1)
  if (!isTag(tag)) throw new Failure('NAME_INVALID', `"${tag.slice(0, 200)}" is not a tag`)
  return { path: text.slice(0, colon), wanted: { kind: 'tag', tag } }
}
