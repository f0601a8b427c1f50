import { Failure } from '../../errors.ts'
import { type Answer, type AnswerHead, headerOf } from './exchange.ts'
import type { Endpoint } from './endpoint.ts'

/** Seconds at most that a source may put us off. */
const MAX_RETRY_AFTER = 300

/** Characters of a refusal's text that are quoted. */
const QUOTED = 200

/** Bytes of a refusal's text that are read, so that the connection can be used again. */
const READ = 64 * 1024

/**
 * What an answer with an unwelcome status means, as a Failure to throw. Discards the body.
 *
 * @param what what was asked for, as `/ipfs/…`
 */
export async function refusal(endpoint: Endpoint, answer: Answer, what: string): Promise<Failure> {
  const { status } = answer
  const { name } = endpoint
  if (status >= 300 && status < 400) {
    answer.body.discard()
    const location = headerOf(answer, 'location')
    // No more than the origin, since what comes behind it may be a signature.
    const target = URL.canParse(location) ? new URL(location).origin : 'elsewhere'
    return unavailable(
      `${name} redirects ${what} to ${target}, which is not followed: name that address as the source`,
    )
  }
  const quoted = await textOf(answer)
  const said = quoted === '' ? String(status) : `${status}: ${quoted}`
  if (status === 404) return unavailable(`${name} does not have ${what} (${said})`)
  if (status === 410 || status === 451) return unavailable(`${name} refuses to give ${what} (${said})`)
  if (status === 401 || status === 403) return unavailable(`${name} asks for other credentials (${said})`)
  if (status === 429 || status === 503) {
    return unavailable(`${name} asks to be left alone for a while (${said})`, retryAfter(answer))
  }
  if (status === 408 || status === 504) {
    return new Failure('CONTENT_TIMEOUT', `${name} could not find ${what} in time (${said})`)
  }
  return unavailable(`${name} can't give ${what} (${said})`, retryAfter(answer))
}

/** The beginning of a refusal's text, for people. */
export async function textOf(answer: Answer): Promise<string> {
  return quoted(await wholeTextOf(answer))
}

/** A text of others in one line, not too long. */
export function quoted(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, QUOTED)
}

/** The whole text of a refusal; '' where it is long, or no text for people. */
export async function wholeTextOf(answer: Answer): Promise<string> {
  const type = headerOf(answer, 'content-type')
  if (type !== '' && !/^(text\/plain|application\/json)/.test(type)) {
    answer.body.drain()
    return ''
  }
  try {
    return (await answer.body.readAll(READ)).toString('utf8')
  } catch {
    // The status says enough.
    return ''
  }
}

/** `Retry-After` in seconds (RFC 9110 10.2.3: seconds or a date). */
export function retryAfter(answer: AnswerHead): number | undefined {
  const text = headerOf(answer, 'retry-after')
  if (text === '') return undefined
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - Date.now()) / 1000)
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, MAX_RETRY_AFTER) : undefined
}

function unavailable(message: string, retry?: number): Failure {
  return new Failure('CONTENT_UNAVAILABLE', message, retry === undefined ? {} : { retryAfter: retry })
}
