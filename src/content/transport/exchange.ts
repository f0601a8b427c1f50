import type { Dispatcher } from 'undici'
import { Failure, messageOf, systemCodeOf } from '../../errors.ts'
import { AnswerBody } from './answer-body.ts'
import type { Endpoint } from './endpoint.ts'

export interface Question {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT'
  /** Path and query, below the endpoint's own path. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  readonly signal: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Must be read to its end or discarded. */
  readonly body: AnswerBody
}

/**
 * Ask an endpoint and wait for the head of its answer. An abort of the signal, before or after, closes the
 * connection. Redirects are not followed.
 *
 * @throws Failure CONTENT_UNAVAILABLE when it can't be reached, CONTENT_TIMEOUT when no head comes in time
 */
export async function ask(endpoint: Endpoint, question: Question): Promise<Answer> {
  const answer = await askTwice(endpoint, question)
  const encoding = headerOf(answer, 'content-encoding')
  if (encoding === '' || encoding === 'identity') return answer
  answer.body.discard()
  const message = `${endpoint.name} compresses its answers (${encoding.slice(0, 40)}) though asked not to`
  throw new Failure('CONTENT_UNAVAILABLE', message)
}

async function askTwice(endpoint: Endpoint, question: Question): Promise<Answer> {
  try {
    return await askOnce(endpoint, question)
  } catch (error) {
    if (!isStaleConnection(error) || question.signal.aborted) throw toFailure(endpoint, error, question)
  }
  // The server had closed an idle connection in the moment it was used again: that says nothing about the server.
  try {
    return await askOnce(endpoint, question)
  } catch (error) {
    throw toFailure(endpoint, error, question)
  }
}

/** The answer to a question whose body says nothing that counts. */
export type AnswerHead = Pick<Answer, 'status' | 'headers'>

/** As {@link ask}, for an answer whose body nobody reads. */
export async function askForHead(endpoint: Endpoint, question: Question): Promise<AnswerHead> {
  const { status, headers, body } = await askTwice(endpoint, question)
  body.drain()
  return { status, headers }
}

/** One header as a single text; '' when it is not there. */
export function headerOf(answer: AnswerHead, name: string): string {
  const value = answer.headers[name]
  return Array.isArray(value) ? value.join(', ') : (value ?? '')
}

function askOnce(endpoint: Endpoint, question: Question): Promise<Answer> {
  const { signal } = question
  if (signal.aborted) return Promise.reject(reasonOf(signal))
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined
    let body: AnswerBody | undefined
    let givenUp: Error | undefined

    const giveUp = (reason: Error): void => {
      if (body !== undefined) return body.fail(reason)
      givenUp = reason
      settle()
      controller?.abort(givenUp)
      reject(reason)
    }
    const onAbort = (): void => giveUp(reasonOf(signal))
    const timer = setTimeout(() => giveUp(mute(endpoint)), endpoint.answerTimeout)
    const settle = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
    signal.addEventListener('abort', onAbort)

    endpoint.dispatcher.dispatch(
      {
        origin: endpoint.origin,
        path: endpoint.prefix + question.path,
        method: question.method,
        ...(question.body === undefined ? {} : { body: question.body }),
        headers: {
          'accept-encoding': 'identity',
          ...endpoint.requestHeaders?.(),
          ...endpoint.headers,
          ...question.headers,
        },
        // Our own timers look at the reader too: see AnswerBody.
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      {
        onRequestStart: (started) => {
          controller = started
          if (givenUp !== undefined) started.abort(givenUp)
        },
        onResponseStart: (started, status, headers) => {
          if (status < 200) return
          clearTimeout(timer)
          body = new AnswerBody({
            name: endpoint.name,
            flow: {
              pause: () => started.pause(),
              resume: () => started.resume(),
              abort: (reason) => started.abort(reason),
            },
            stallTimeout: endpoint.stallTimeout,
            onSettled: settle,
          })
          resolve({ status, headers, body })
        },
        onResponseData: (_, chunk) => body?.push(chunk),
        onResponseEnd: (_, trailers) => body?.end(trailers),
        onResponseError: (_, error) => {
          if (body === undefined) {
            settle()
            reject(error)
          } else {
            body.fail(broken(endpoint, error))
          }
        },
      },
    )
  })
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason })
}

const STALE = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

function isStaleConnection(error: unknown): boolean {
  return STALE.has(systemCodeOf(error) ?? '')
}

function toFailure(endpoint: Endpoint, error: unknown, { signal }: Question): unknown {
  if (error instanceof Failure || signal.aborted) return error
  if (systemCodeOf(error) === 'UND_ERR_CONNECT_TIMEOUT') return mute(endpoint, error)
  return new Failure(
    'CONTENT_UNAVAILABLE',
    `${endpoint.name} does not answer at ${endpoint.origin}: ${messageOf(error)}`,
    {
      cause: error,
    },
  )
}

function mute(endpoint: Endpoint, cause?: unknown): Failure {
  const message = `${endpoint.name} does not answer at ${endpoint.origin} in time`
  return new Failure('CONTENT_TIMEOUT', message, { cause })
}

function broken(endpoint: Endpoint, error: Error): Failure {
  const message = `${endpoint.name} broke off in the middle of an answer: ${error.message}`
  return new Failure('CONTENT_UNAVAILABLE', message, { cause: error })
}
