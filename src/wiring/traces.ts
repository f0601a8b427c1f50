import type { Around } from '../app.ts'
import type { Tracing } from '../observability/tracing.ts'
import type { LocatedSource } from './sources.ts'

/** The requests of clients, each in a span of its own; undefined where nobody traces. */
export function tracedRequests(tracing: Tracing | undefined, scheme: 'http' | 'https'): Around | undefined {
  if (tracing === undefined) return undefined
  return (req, res, exchange, answer) => {
    const { method = '', url = '', headers } = req
    const end = tracing.answering({ method, url, scheme, headers, id: exchange.id }, answer)
    const ended = (): void => end({ ...exchange.facts, status: res.headersSent ? res.statusCode : undefined })
    if (res.closed) ended()
    else res.once('close', ended)
  }
}

/** Sources that are told which trace a request to them belongs to. */
export function tracedSources(tracing: Tracing | undefined, located: LocatedSource[]): LocatedSource[] {
  if (tracing === undefined) return located
  return located.map((source) => ({ ...source, requestHeaders: () => tracing.headers() }))
}
