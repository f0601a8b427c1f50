import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Failure } from '../errors.ts'

/** What the access log and the metrics tell of one request; endpoints fill it in. */
export interface AccessFacts {
  /** Template of the route, never a name: `manifest`, `blob`, `tags`, `referrers`, `ping`, `other`. */
  route: string
  /** Repository name and reference as asked for. */
  name?: string
  reference?: string
  source?: string
  cached?: boolean
  /** Code of the failure that was answered, or that ended the body. */
  error?: string
  /** Bytes of body written. */
  bytes: number
}

/** One for all requests: it says nothing that differs, and the stack of each would cost more than closing it. */
const LEFT = new Failure('CONTENT_UNAVAILABLE', 'the client has left')

/** ms until a client that takes nothing more of its answer is let go. */
const CLIENT_STALL = 600_000

export interface ExchangeTimeouts {
  /** ms until a request without an answer gets 504. */
  readonly answerTimeout: number
  /** ms that a client may take nothing of a blob that is being sent; 10 min by default. */
  readonly clientStallTimeout?: number | undefined
}

/** One request and its answer. */
export class Exchange {
  readonly id: string
  readonly started = performance.now()
  readonly facts: AccessFacts = { route: 'other', bytes: 0 }
  private readonly controller = new AbortController()
  private readonly socket: Socket
  private readonly clientStallTimeout: number
  private deadline: NodeJS.Timeout | undefined

  constructor(req: IncomingMessage, res: ServerResponse, timeouts: ExchangeTimeouts) {
    const { answerTimeout, clientStallTimeout = CLIENT_STALL } = timeouts
    this.socket = req.socket
    this.clientStallTimeout = clientStallTimeout
    const given = req.headers['x-request-id']
    this.id = typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID()
    setMaxListeners(0, this.controller.signal)
    this.answerWithin(answerTimeout)
    res.once('close', () => {
      this.answering()
      this.controller.abort(LEFT)
    })
  }

  /** Aborts when the client leaves, when the answer is complete, and when no answer has begun in time. */
  get signal(): AbortSignal {
    return this.controller.signal
  }

  /** Answer 504 after so many ms from now, in place of what was set before. */
  answerWithin(ms: number): void {
    clearTimeout(this.deadline)
    this.deadline = setTimeout(() => {
      const text = `no answer within ${ms / 1000} s; the search goes on, so try again in a moment`
      this.controller.abort(new Failure('CONTENT_TIMEOUT', text))
    }, ms)
  }

  /** The answer begins: from now on it may take as long as the client does. */
  answering(): void {
    clearTimeout(this.deadline)
    this.deadline = undefined
  }

  /** A long answer begins: as {@link answering}, but a client that takes nothing of it any more is let go. */
  streaming(): void {
    this.answering()
    this.socket.setTimeout(this.clientStallTimeout)
  }
}

const exchanges = new WeakMap<IncomingMessage, Exchange>()

export function beginExchange(
  req: IncomingMessage,
  res: ServerResponse,
  timeouts: ExchangeTimeouts,
): Exchange {
  const exchange = new Exchange(req, res, timeouts)
  exchanges.set(req, exchange)
  return exchange
}

/** The exchange that {@link beginExchange} made for this request. */
export function exchangeOf(req: IncomingMessage): Exchange {
  const exchange = exchanges.get(req)
  if (exchange === undefined)
    throw new Failure('INTERNAL', 'the request did not pass the start of the pipeline')
  return exchange
}
