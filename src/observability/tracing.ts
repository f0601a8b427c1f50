import type * as OpenTelemetry from '@opentelemetry/api'
import type { Attributes, Span, TextMapGetter, TextMapSetter, Tracer } from '@opentelemetry/api'
import { isFailure, messageOf } from '../errors.ts'
import { outcomeOf } from './outcome.ts'

type Api = typeof OpenTelemetry

/** A request as it came. */
export interface TracedRequest {
  readonly method: string
  /** Path and query; of these only the path is told. */
  readonly url: string
  readonly scheme: 'http' | 'https'
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** As in the access log. */
  readonly id: string
}

/** What became of it. */
export interface TracedAnswer {
  /** As in the metrics: `manifest`, `blob`. */
  readonly route: string
  readonly name?: string | undefined
  readonly reference?: string | undefined
  readonly source?: string | undefined
  readonly cached?: boolean | undefined
  /** Undefined when the client left before there was an answer. */
  readonly status: number | undefined
  /** Code of the failure that was answered, or that ended the body. */
  readonly error?: string | undefined
}

/**
 * Spans of requests and of the questions to sources they cause, by the semantic conventions of OpenTelemetry for HTTP.
 * Made only where an SDK is loaded: see {@link loadTracing}.
 */
export class Tracing {
  readonly #api: Api
  readonly #tracer: Tracer

  constructor(api: Api, version: string) {
    this.#api = api
    this.#tracer = api.trace.getTracer('ipfs-registry-gateway', version)
  }

  /**
   * Answer a request within a span, which goes on the client's trace where it has one (W3C trace context).
   *
   * @returns ends the span
   */
  answering(request: TracedRequest, answer: () => void): (answer: TracedAnswer) => void {
    const { context, propagation, trace, ROOT_CONTEXT, SpanKind } = this.#api
    const parent = propagation.extract(ROOT_CONTEXT, request.headers, WITHOUT_BAGGAGE)
    const options = { kind: SpanKind.SERVER, attributes: requestAttributes(request) }
    const span = this.#tracer.startSpan(methodOf(request), options, parent)
    context.with(trace.setSpan(parent, span), answer)
    return (ended) => this.#end(span, request, ended)
  }

  /** Ask a source within a span. What no request is behind is not traced. */
  async asking<T>(source: string, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    const { SpanKind, SpanStatusCode, trace } = this.#api
    if (trace.getActiveSpan() === undefined) return ask()
    const options = { kind: SpanKind.CLIENT, attributes: { 'ipfs_registry.source': source } }
    return this.#tracer.startActiveSpan(`ask ${source}`, options, async (span) => {
      try {
        const value = await ask()
        span.setAttribute('ipfs_registry.outcome', 'ok')
        return value
      } catch (error) {
        const outcome = signal.aborted ? 'cancelled' : outcomeOf(error)
        span.setAttribute('ipfs_registry.outcome', outcome)
        if (outcome !== 'cancelled' && outcome !== 'not_found') {
          span.setAttribute('error.type', isFailure(error) ? error.code : 'INTERNAL')
          span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) })
        }
        throw error
      } finally {
        span.end()
      }
    })
  }

  /** Headers by which whoever is asked goes on with the trace; none outside of one. */
  headers(): Record<string, string> {
    const { context, propagation, trace } = this.#api
    const headers: Record<string, string> = {}
    if (trace.getActiveSpan() !== undefined) propagation.inject(context.active(), headers, INTO_HEADERS)
    return headers
  }

  #end(span: Span, request: TracedRequest, answer: TracedAnswer): void {
    const template = TEMPLATES[answer.route]
    if (template !== undefined) span.updateName(`${methodOf(request)} ${template}`)
    span.setAttributes(answerAttributes(answer, template))
    const { status, error } = answer
    if (status !== undefined && status >= 500) {
      span.setAttribute('error.type', error ?? String(status))
      span.setStatus({ code: this.#api.SpanStatusCode.ERROR })
    }
    span.end()
  }
}

/** Where every copy of the API, of whichever version 1.x, finds what an SDK has registered. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1')

/**
 * Traces, where something that was loaded before this program has registered an SDK (`node --import`). Otherwise nothing is
 * loaded, and nothing is done for any request.
 */
export async function loadTracing(version: string): Promise<Tracing | undefined> {
  const registered = (globalThis as Record<symbol, unknown>)[REGISTERED]
  if (typeof registered !== 'object' || registered === null || !('trace' in registered)) return undefined
  return new Tracing(await import('@opentelemetry/api'), version)
}

/** `http.route` of each route. */
const TEMPLATES: Readonly<Record<string, string>> = {
  ping: '/v2/',
  manifest: '/v2/{name}/manifests/{reference}',
  blob: '/v2/{name}/blobs/{digest}',
  upload: '/v2/{name}/blobs/uploads/{id}',
  tags: '/v2/{name}/tags/list',
  referrers: '/v2/{name}/referrers/{digest}',
  catalog: '/v2/_catalog',
  raw: '/ipfs/{path}',
  car: '/ipfs/{path}',
  'ipns-record': '/ipns/{name}',
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** A client may send any word, and the number of names of spans is to stay small. */
function methodOf({ method }: TracedRequest): string {
  return METHODS.has(method) ? method : 'HTTP'
}

function requestAttributes({ method, url, scheme, id }: TracedRequest): Attributes {
  const [path = ''] = url.split('?')
  return {
    'http.request.method': METHODS.has(method) ? method : '_OTHER',
    'url.scheme': scheme,
    'url.path': path,
    'ipfs_registry.request_id': id,
  }
}

function answerAttributes(answer: TracedAnswer, template: string | undefined): Attributes {
  const { name, reference, source, cached, status } = answer
  const attributes = {
    'http.route': template,
    'http.response.status_code': status,
    'ipfs_registry.repository': name,
    'ipfs_registry.reference': reference,
    'ipfs_registry.source': source,
    'ipfs_registry.cached': cached,
  }
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))
}

/** What a client hangs on its trace for itself is passed on to nobody. */
const BAGGAGE = 'baggage'

const WITHOUT_BAGGAGE: TextMapGetter<TracedRequest['headers']> = {
  keys: (headers) => Object.keys(headers).filter((name) => name !== BAGGAGE),
  get: (headers, name) => (name === BAGGAGE ? undefined : headers[name]),
}

const INTO_HEADERS: TextMapSetter<Record<string, string>> = {
  set(headers, name, value) {
    if (name !== BAGGAGE) headers[name] = value
  },
}
