import { Failure } from '../../errors.ts'
import { type ContentPath, formatContentPath } from '../source.ts'
import { contentUrl } from '../transport/content-url.ts'
import type { Endpoint } from '../transport/endpoint.ts'
import { type Answer, ask, headerOf } from '../transport/exchange.ts'
import { refusal, textOf } from '../transport/refusal.ts'

/*
 * Kubo's RPC as far as reading needs it, over the same transport as the other sources: kubo-rpc-client goes through
 * the global fetch, which knows neither the dispatcher (sockets, TLS, proxies) nor time-outs nor back-pressure.
 */

/** Bytes of an answer that is one JSON object. */
const MAX_JSON = 1024 * 1024

/** Errors that are about what the node has, not about what is at the path. */
const NO_CONTENT = /could not find|not found locally|no providers|could not load link|failed to fetch/i
const TOO_LATE = /deadline exceeded|timed? ?out|context canceled/i
const NOT_THERE =
  /no link named|on wrong kind|not a directory|is a directory|does not exist|unrecognized object type/i

/** Ask the RPC about a path. Every answer but a 200 is thrown as what it means. */
export async function callRpc(
  endpoint: Endpoint,
  command: string,
  path: ContentPath,
  options: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Answer> {
  contentUrl(path)
  const query = new URLSearchParams({ arg: formatContentPath(path), ...options })
  const answer = await ask(endpoint, {
    method: 'POST',
    path: `/api/v0/${command}?${query.toString()}`,
    signal,
  })
  if (answer.status === 200 && !headerOf(answer, 'content-type').startsWith('text/html')) return answer
  throw await rpcFailure(endpoint, answer, path)
}

/** The one JSON object of an answer. */
export async function jsonOf(endpoint: Endpoint, answer: Answer): Promise<Readonly<Record<string, unknown>>> {
  const text = (await answer.body.readAll(MAX_JSON)).toString('utf8')
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new Failure('CONTENT_UNAVAILABLE', `${endpoint.name} gives answers that are not those of Kubo's RPC`)
}

/** What a failed call means: Kubo says "not found" and much else with status 500 and a message. */
async function rpcFailure(endpoint: Endpoint, answer: Answer, path: ContentPath): Promise<Failure> {
  const { name } = endpoint
  const what = formatContentPath(path)
  if (answer.status === 200 || answer.status === 404 || answer.status === 405) {
    answer.body.discard()
    return new Failure(
      'CONTENT_UNAVAILABLE',
      `at ${endpoint.origin} is no RPC of a Kubo, as ${name} should be`,
    )
  }
  if (answer.status !== 500) return refusal(endpoint, answer, what)
  const message = messageIn(await textOf(answer))
  if (NO_CONTENT.test(message)) {
    return new Failure('CONTENT_UNAVAILABLE', `${name} does not have all of ${what}: ${message}`)
  }
  if (TOO_LATE.test(message)) {
    return new Failure('CONTENT_TIMEOUT', `${name} could not find ${what} in time: ${message}`)
  }
  if (NOT_THERE.test(message)) {
    const kind = /is a directory/i.test(message) ? { kind: 'directory' } : {}
    return new Failure('CONTENT_NOT_FOUND', `${what}: ${message}`, { detail: { path: what, ...kind } })
  }
  return new Failure('CONTENT_UNAVAILABLE', `${name} can't give ${what}: ${message}`)
}

function messageIn(text: string): string {
  const message = /"Message":"((?:[^"\\]|\\.)*)/.exec(text)?.[1]
  if (message === undefined) return text
  try {
    return JSON.parse(`"${message}"`) as string
  } catch {
    return message
  }
}
