import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { Router } from 'express'
import { isTokenRequest, type ServeToken } from './auth/token-endpoint.ts'
import { Failure } from './errors.ts'
import { beginExchange, exchangeOf, type Exchange } from './http/exchange.ts'
import { answerFailure } from './http/failure.ts'
import { createRegistryEndpoints, type RegistryOptions } from './registry/endpoints.ts'
import type { ServeTrustless } from './trustless/endpoints.ts'
import { parseTrustlessRoute } from './trustless/route.ts'

export interface AppOptions {
  /** Undefined where this listener is no registry. */
  readonly registry?: RegistryOptions | undefined
  /** Undefined where nobody needs a token. */
  readonly serveToken?: ServeToken | undefined
  /** Undefined where this listener is no IPFS gateway. */
  readonly trustless?: ServeTrustless | undefined
  /** ms until a request without an answer gets 504. */
  readonly answerTimeout: number
  /** ms that a client may take nothing of an answer, or send nothing of a blob; 10 min by default. */
  readonly clientStallTimeout?: number | undefined
  /** ms from the last byte of what is pushed until it has to be stored; 5 min by default. */
  readonly pushTimeout?: number | undefined
  /** Requests under way at once. */
  readonly maxRequests: number
  readonly events: AppEvents
  /** Surrounds what answers a request, where that is traced. */
  readonly around?: Around | undefined
}

/** Calls `answer` once, at once. */
export type Around = (
  req: IncomingMessage,
  res: ServerResponse,
  exchange: Exchange,
  answer: () => void,
) => void

export interface AppEvents {
  begun(): void
  /** An answer has ended, or the client has left. */
  ended(req: IncomingMessage, res: ServerResponse, exchange: Exchange): void
  overloaded(): void
  /** A defect of this program. */
  broken(exchange: Exchange, error: unknown): void
}

type Step = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void

/**
 * The way of a request, as one ordered list. It is an Express router without the application around it: that would
 * exchange the prototypes of every request and response, which costs most of the time of a cached answer.
 */
export function createApp(options: AppOptions): RequestListener {
  const router = Router({ caseSensitive: true, strict: true })
  const steps: Step[] = [
    // Every request gets an id, a deadline, an abort signal, and a line in the access log.
    begin(options),
    // What is too much is refused before anything is done for it.
    admit(options),
    // What is held, to other gateways and IPFS clients: every path below /ipfs/ and /ipns/.
    ...(options.trustless === undefined ? [] : [trustless(options.trustless)]),
    // Tokens for whoever may do something there.
    ...(options.serveToken === undefined ? [] : [tokens(options.serveToken)]),
    // The registry protocol; it parses the raw URL itself and knows every path below /v2/.
    ...(options.registry === undefined ? [] : [registry(options.registry)]),
  ]
  for (const step of steps) router.use(step as never)
  return (req, res) => {
    router(req as never, res as never, (error?: unknown) => fail(options, req, res, error))
  }
}

function begin(options: AppOptions): Step {
  const { events, around } = options
  return (req, res, next) => {
    const exchange = beginExchange(req, res, options)
    events.begun()
    res.once('close', () => events.ended(req, res, exchange))
    if (around === undefined) next()
    else around(req, res, exchange, next)
  }
}

function admit({ maxRequests, events }: AppOptions): Step {
  let underWay = 0
  return (_req, res, next) => {
    if (underWay >= maxRequests) {
      events.overloaded()
      next(
        new Failure(
          'OVERLOADED',
          `${maxRequests} requests are under way, which is the limit of this gateway`,
        ),
      )
      return
    }
    underWay += 1
    res.once('close', () => {
      underWay -= 1
    })
    next()
  }
}

function trustless(serve: ServeTrustless): Step {
  return (req, res, next) => {
    const route = parseTrustlessRoute(req.url ?? '/')
    if (route === undefined) next()
    else serve(req, res, route).catch(next)
  }
}

function tokens(serve: ServeToken): Step {
  return (req, res, next) => {
    if (isTokenRequest(req.url ?? '/')) serve(req, res).catch(next)
    else next()
  }
}

function registry(options: RegistryOptions): Step {
  const serve = createRegistryEndpoints(options)
  return (req, res, next) => {
    serve(req, res).catch(next)
  }
}

/** Every failure ends here, as JSON; one that is no {@link Failure} is a defect and is told to nobody but the log. */
function fail({ events }: AppOptions, req: IncomingMessage, res: ServerResponse, error: unknown): void {
  const reason = error ?? new Failure('ROUTE_UNKNOWN', 'no such endpoint')
  if (!(reason instanceof Failure) && !res.destroyed) events.broken(exchangeOf(req), reason)
  answerFailure(req, res, reason)
}
