import type { AppEvents } from '../app.ts'
import { createAccessLog } from '../observability/access-log.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { RecentErrors } from '../observability/recent-errors.ts'

/** Those that a metric tells apart. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])

/** What the requests of clients leave behind: metrics, the access log, and the last failures for the status page. */
export function appEvents(logger: Logger, metrics: Metrics, errors: RecentErrors): AppEvents {
  const access = createAccessLog(logger)
  return {
    begun: () => metrics.requestsInFlight.add(1),
    overloaded: () => metrics.overloaded.add({ queue: 'requests' }),
    broken: (exchange, error) => logger.error('defect', { id: exchange.id, error }),
    ended: (req, res, exchange) => {
      const { facts, id } = exchange
      const seconds = (performance.now() - exchange.started) / 1000
      const method = METHODS.has(req.method ?? '') ? (req.method ?? '') : 'other'
      const code = res.headersSent ? String(res.statusCode) : '499'
      metrics.requestsInFlight.add(-1)
      metrics.requests.add({ route: facts.route, method, code })
      metrics.requestSeconds.observe({ route: facts.route }, seconds)
      if (facts.received > 0) metrics.receivedBytes.add({ route: facts.route }, facts.received)
      if (facts.bytes > 0) metrics.sentBytes.add({ from: originOf(facts.source) }, facts.bytes)
      if (res.headersSent && res.statusCode >= 500) {
        const { error, reason } = facts
        const request = { request: id, method: req.method ?? '', path: req.url ?? '' }
        errors.answer({ time: Date.now(), ...request, status: res.statusCode, code: error, message: reason })
      }
      access({
        ...facts,
        id,
        method: req.method ?? '',
        url: req.url ?? '',
        status: res.headersSent ? res.statusCode : undefined,
        milliseconds: seconds * 1000,
        // A client may close the connection when it has what was announced, before the answer is ended here.
        complete: res.writableFinished || facts.bytes === Number(res.getHeader('content-length')),
        client: req.socket.remoteAddress,
        agent: req.headers['user-agent'],
      })
    },
  }
}

function originOf(source: string | undefined): 'memory' | 'disk' | 'source' {
  return source === 'memory' || source === 'disk' ? source : 'source'
}
