import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Failure } from '../errors.ts'

/** What the access log and the metrics tell of one request; endpoints fill it in. */
export interface AccessFacts {
  /** Template of the route, never a name: `manifest`, `blob`, `upload`, `tags`, `referrers`, `ping`, `other`. */
  route: string
  /** Repository name and reference as asked for. */
  name?: string
  reference?: string
  /** Who asked, where they said and showed it. */
  user?: string
  source?: string
  cached?: boolean
  /** Code of the failure that was answered, or that ended the body. */
  error?: string
  /** What the client was told of it, or would have been. */
  reason?: string
  /** Bytes of body written. */
  bytes: number
  /** Bytes of the request's body that were read. */
  received: number
}

/** One for all requests: it says nothing that differs, and the stack of each would cost more than closing it. */
const LEFT = new Failure('CONTENT_UNAVAILABLE', 'the client has left')

/** ms until a client that takes nothing more of its answer, or sends nothing more, is let go. */
const CLIENT_STALL = 600_000
/** ms: a large layer may have to be written to a slow disk before it is durable. */
const PUSH_TIMEOUT = 300_000

export interface ExchangeTimeouts {
  /** ms until a request without an answer gets 504. */
  readonly answerTimeout: number
  /** ms that a client may take nothing of an answer, or send nothing of a blob; 10 min by default. */
  readonly clientStallTimeout?: number | undefined
  /** ms from the last byte of what is pushed until it has to be stored; 5 min by default. */
  readonly pushTimeout?: number | undefined
}

/** One request and its answer. */
export class Exchange {
  readonly id: string
  readonly started = performance.now()
  readonly facts: AccessFacts = { route: 'other', bytes: 0, received: 0 }
  /** Whether the answer is for nobody but who asked, so that no cache may give it to others (RFC 9111, 5.2.2.7). */
  isPrivate = false
  private readonly controller = new AbortController()
  private readonly socket: Socket
  private readonly answerTimeout: number
  private readonly clientStallTimeout: number
  private readonly pushTimeout: number
  private deadline: NodeJS.Timeout | undefined

  constructor(req: IncomingMessage, res: ServerResponse, timeouts: ExchangeTimeouts) {
    const { answerTimeout, clientStallTimeout = CLIENT_STALL, pushTimeout = PUSH_TIMEOUT } = timeouts
    this.socket = req.socket
    this.answerTimeout = answerTimeout
    this.clientStallTimeout = clientStallTimeout
    this.pushTimeout = pushTimeout
    const given = req.headers['x-request-id']
    this.id = typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID()
    setMaxListeners(0, this.controller.signal)
    this.answerWithin(answerTimeout)
    res.once('close', () => {
      clearTimeout(this.deadline)
      this.controller.abort(LEFT)
    })
  }

  /** Aborts when the client leaves, when the answer is complete, and when no answer has begun in time. */
  get signal(): AbortSignal {
    return this.controller.signal
  }

  /** Answer 504 after so many ms from now, in place of what was set before. */
  answerWithin(ms: number, late: (seconds: number) => Failure = stillSearching): void {
    clearTimeout(this.deadline)
    this.deadline = setTimeout(() => this.controller.abort(late(ms / 1000)), ms)
  }

  /** The answer begins: it may take as long as the client does, but one that takes nothing of it any more is let go. */
  answering(): void {
    clearTimeout(this.deadline)
    this.socket.setTimeout(this.clientStallTimeout)
  }

  /** A long body begins to come: it may take as long as it comes, but a client that sends nothing any more is let go. */
  receiving(): void {
    this.answering()
  }

  /** A body that is kept in memory begins to come, and has to be here in time. */
  receivingWhole(): void {
    this.answerWithin(this.answerTimeout, stillComing)
  }

  /** The whole body is here, and has to be stored in time. */
  received(): void {
    this.socket.setTimeout(0)
    this.answerWithin(this.pushTimeout, stillStoring)
  }
}

function stillSearching(seconds: number): Failure {
  const text = `no answer within ${seconds} s; the search goes on, so try again in a moment`
  return new Failure('CONTENT_TIMEOUT', text)
}

function stillComing(seconds: number): Failure {
  return new Failure('PUSH_TIMEOUT', `the body of the request did not come within ${seconds} s`)
}

function stillStoring(seconds: number): Failure {
  return new Failure('PUSH_TIMEOUT', `all of it came, but it could not be stored within ${seconds} s`)
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
