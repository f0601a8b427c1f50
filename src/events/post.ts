import { messageOf } from '../errors.ts'
import type { Endpoint } from '../content/transport/endpoint.ts'
import { askForHead, type AnswerHead } from '../content/transport/exchange.ts'
import { retryAfter } from '../content/transport/refusal.ts'
import type { Envelope, EventRecord } from './envelope.ts'

/** What became of one request. Reasons hold nothing of the endpoint but its name and origin. */
export type PostResult =
  | { readonly kind: 'taken' }
  /** It will not be taken, however often it is sent. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It may be taken later. */
  | {
      readonly kind: 'failed'
      readonly reason: string
      /** ms that the receiver asks to be left alone for; undefined where it does not say. */
      readonly pause: number | undefined
    }

/** Send events as one envelope. Never throws. */
export type Post = (events: readonly EventRecord[], signal: AbortSignal) => Promise<PostResult>

/** @param path and query, which may hold secrets */
export function postTo(endpoint: Endpoint, path: string): Post {
  return async (events, signal) => {
    const envelope: Envelope = { events }
    try {
      const body = JSON.stringify(envelope)
      return judge(endpoint.name, await askForHead(endpoint, { method: 'POST', path, body, signal }))
    } catch (error) {
      return { kind: 'failed', reason: messageOf(error), pause: undefined }
    }
  }
}

/** What it says besides its status is not quoted: it may repeat what it was sent, header and all. */
function judge(name: string, answer: AnswerHead): PostResult {
  const { status } = answer
  if (status < 300) return { kind: 'taken' }
  if (status < 400) return { kind: 'refused', reason: `${name} redirects (${status}), which is not followed` }
  if (status !== 429 && status < 500) return { kind: 'refused', reason: `${name} answers ${status}` }
  const seconds = retryAfter(answer)
  return {
    kind: 'failed',
    reason: `${name} answers ${status}`,
    pause: seconds === undefined ? undefined : seconds * 1000,
  }
}
