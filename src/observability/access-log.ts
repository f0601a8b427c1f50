import type { Logger } from './logger.ts'

/** One request, when its answer has ended. */
export interface AccessRecord {
  /** Request id, also in the answer's `X-Request-Id`. */
  readonly id: string
  readonly method: string
  /** As requested; what follows a `?` is not logged. */
  readonly url: string
  /** Template of the endpoint: `manifest`, `blob`. */
  readonly route: string
  /** Repository name, where the URL has one. */
  readonly name?: string | undefined
  /** Tag or digest, where the URL has one. */
  readonly reference?: string | undefined
  /** Who asked, where they said and showed it. */
  readonly user?: string | undefined
  /** Undefined when the client left before there was an answer. */
  readonly status: number | undefined
  /** Bytes of the body that were sent. */
  readonly bytes: number
  /** Bytes of the request's body that were read. */
  readonly received: number
  readonly milliseconds: number
  /** `memory`, `disk` or the name of a source. */
  readonly source?: string | undefined
  /** Whether no source was asked. */
  readonly cached?: boolean | undefined
  /** Code of the failure that was answered, or that ended the body. */
  readonly error?: string | undefined
  /** Whether the answer was sent to its end. */
  readonly complete: boolean
  /** Address of the client. */
  readonly client: string | undefined
  readonly agent: string | undefined
}

const MAX_URL = 512
const MAX_REFERENCE = 160
const MAX_AGENT = 160

/** Writes one line per request. Never headers, cookies or queries: those can hold credentials. */
export function createAccessLog(logger: Logger): (record: AccessRecord) => void {
  if (!logger.enabled('info')) return () => undefined
  return (record) => {
    logger.info('request', {
      id: record.id,
      method: record.method,
      path: cut(pathOf(record.url), MAX_URL),
      route: record.route,
      name: record.name === undefined ? undefined : cut(record.name, MAX_URL),
      reference: record.reference === undefined ? undefined : cut(record.reference, MAX_REFERENCE),
      user: record.user,
      status: record.status,
      bytes: record.bytes,
      // Most requests have no body.
      received: record.received === 0 ? undefined : record.received,
      ms: Math.round(record.milliseconds * 100) / 100,
      source: record.source,
      cached: record.cached,
      error: record.error,
      // Said only where it is news.
      complete: record.complete ? undefined : false,
      client: record.client,
      agent: record.agent === undefined ? undefined : cut(record.agent, MAX_AGENT),
    })
  }
}

function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text
}
