import { Failure } from '../../errors.ts'
import { type ContentPath, formatContentPath } from '../source.ts'
import { contentUrl } from '../transport/content-url.ts'
import type { Endpoint } from '../transport/endpoint.ts'
import { type Answer, ask } from '../transport/exchange.ts'
import { textOf } from '../transport/refusal.ts'

/** What a gateway says when it is the content that is missing, and not the entry in a directory. */
const NO_CONTENT = /could not find|not found locally|no providers|context (canceled|deadline exceeded)/i

/**
 * What a 404 means. A gateway that is believed can still only say what it has: one without network says 404 also when
 * it has nothing at all under the root (seen of Kubo, with the very same words). So the directory must be there that
 * the entry is said to be missing from.
 *
 * @returns CONTENT_NOT_FOUND or CONTENT_UNAVAILABLE
 */
export async function meaningOf404(
  endpoint: Endpoint,
  path: ContentPath,
  answer: Answer,
  signal: AbortSignal,
): Promise<Failure> {
  let text = await textOf(answer)
  for (let count = path.segments.length; count > 0; count--) {
    if (NO_CONTENT.test(text)) break
    const parent = { root: path.root, segments: path.segments.slice(0, count - 1) }
    const above = await ask(endpoint, { method: 'GET', path: contentUrl(parent), headers: ONE_BYTE, signal })
    if (above.status < 400 || above.status === 416) {
      above.body.discard()
      return notThere(path, count - 1)
    }
    text = await textOf(above)
    if (above.status !== 404) break
  }
  const said = text === '' ? '404' : `404: ${text}`
  const message = `${endpoint.name} does not have ${formatContentPath(path)} (${said})`
  return new Failure('CONTENT_UNAVAILABLE', message)
}

const ONE_BYTE = { range: 'bytes=0-0' }

function notThere(path: ContentPath, index: number): Failure {
  const parent = formatContentPath({ root: path.root, segments: path.segments.slice(0, index) })
  return new Failure('CONTENT_NOT_FOUND', `${parent} has no entry "${path.segments[index]}"`, {
    detail: { path: formatContentPath(path), missing: index },
  })
}
