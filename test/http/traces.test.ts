import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-node'
import { loadTracing } from '../../src/observability/tracing.ts'
import { until } from '../fixtures/blob-store.ts'
import { importTree, type ContentTree } from '../fixtures/content-tree.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { ask } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'
import {
  digestOf,
  redirectTo,
  registryOf,
  startStubServer,
  type StubServer,
} from '../fixtures/stub-upstream.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CLIENT = `00-${TRACE}-b7ad6b7169203331-01`
const layout = new LayoutBuilder()
const files = layout.list(layout.image(), { ref: 'v1' }).files()
const blob = Buffer.from('a blob that lies elsewhere')

const spans = new InMemorySpanExporter()
let folder: Awaited<ReturnType<typeof storeFolder>>
let tree: ContentTree
let source: TrustlessGateway
let upstream: StubServer
let elsewhere: StubServer
let gateway: ServedGateway

beforeAll(async () => {
  expect(await loadTracing('1.2.3')).toBeUndefined()
  // As `node --import` of an SDK would.
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).register()
  elsewhere = await startStubServer(registryOf({ manifests: {}, blobs: { [digestOf(blob)]: blob } }))
  upstream = await startStubServer(({ url }, response) => redirectTo(response, `${elsewhere.url}${url}`))
  folder = await storeFolder()
  tree = await importTree(Object.fromEntries(files))
  source = await startTrustlessGateway(tree)
  gateway = await startServedGateway(folder.path, {
    source: ['embedded', `gateway=${source.url}`],
    upstream: [`docker.io=${upstream.url};private-redirects=true`],
  })
})

afterAll(async () => {
  await gateway.stop()
  await source.close()
  await upstream.close()
  await elsewhere.close()
  await folder.remove()
  trace.disable()
  context.disable()
  propagation.disable()
})

afterEach(() => spans.reset())

/** The span of the one request since the last test, and those below it. */
async function traced(): Promise<{ request: ReadableSpan; questions: ReadableSpan[] }> {
  const ended = (): ReadableSpan[] => spans.getFinishedSpans()
  await until(() => ended().some(({ kind }) => kind === SpanKind.SERVER))
  const requests = ended().filter(({ kind }) => kind === SpanKind.SERVER)
  expect(requests).toHaveLength(1)
  const [request] = requests as [ReadableSpan]
  const below = ended().filter(
    ({ parentSpanContext }) => parentSpanContext?.spanId === request.spanContext().spanId,
  )
  return { request, questions: below }
}

test('a request, and the question to the source behind it, on the trace of the client', async () => {
  const name = `ipfs/${tree.root.toString()}`
  const headers = { traceparent: CLIENT, tracestate: 'vendor=1', baggage: 'user=secret' }
  const answer = await ask(gateway.port, `/v2/${name}/manifests/v1?token=secret`, { headers })
  expect(answer.status).toBe(200)
  const { request, questions } = await traced()
  expect(request.name).toBe('GET /v2/{name}/manifests/{reference}')
  expect(request.spanContext().traceId).toBe(TRACE)
  expect(request.parentSpanContext?.spanId).toBe('b7ad6b7169203331')
  expect(request.attributes).toMatchObject({
    'http.request.method': 'GET',
    'http.route': '/v2/{name}/manifests/{reference}',
    'http.response.status_code': 200,
    'url.path': `/v2/${name}/manifests/v1`,
    'url.scheme': 'http',
    'ipfs_registry.repository': name,
    'ipfs_registry.reference': 'v1',
    'ipfs_registry.request_id': answer.headers['x-request-id'],
  })
  expect(request.status.code).toBe(SpanStatusCode.UNSET)
  const names = questions.map((span) => span.attributes['ipfs_registry.source'])
  expect(names).toContain(`gateway:${new URL(source.url).host}`)
  expect(questions.map(({ kind }) => kind)).toEqual(questions.map(() => SpanKind.CLIENT))
  expect(JSON.stringify(spans.getFinishedSpans().map(({ attributes }) => attributes))).not.toContain('secret')

  // Looks at its health belong to no trace.
  const sent = source.requests.map(({ headers: got }) => got).filter((got) => 'traceparent' in got)
  expect(source.requests.filter(({ headers: got }) => 'baggage' in got)).toEqual([])
  const parents = sent.map(({ traceparent }) => String(traceparent).split('-'))
  expect(parents.every(([, id]) => id === TRACE)).toBe(true)
  const ids = questions.map((span) => span.spanContext().spanId)
  expect(parents.some(([, , id = '']) => ids.includes(id))).toBe(true)
  expect(sent.map(({ tracestate }) => tracestate)).toEqual(sent.map(() => 'vendor=1'))
})

test('a host is told of the trace, and not where it sends us', async () => {
  const answer = await ask(gateway.port, `/v2/library/app/blobs/${digestOf(blob)}`)
  expect(answer.body).toEqual(blob)
  const { request, questions } = await traced()
  expect(questions.map((span) => span.name)).toEqual(['ask docker.io'])
  const [question] = questions
  expect(question?.attributes).toMatchObject({ 'ipfs_registry.outcome': 'ok' })
  expect(upstream.requests.at(-1)?.headers.traceparent).toContain(request.spanContext().traceId)
  expect(elsewhere.requests.length).toBeGreaterThan(0)
  expect(elsewhere.requests.filter(({ headers }) => 'traceparent' in headers)).toEqual([])
})

test('a failure is told by its code', async () => {
  upstream.answer = (_, response) => void response.writeHead(500).end()
  expect((await ask(gateway.port, '/v2/library/broken/manifests/v1')).status).toBe(503)
  const { request, questions } = await traced()
  expect(request.status.code).toBe(SpanStatusCode.ERROR)
  expect(request.attributes['error.type']).toBe('CONTENT_UNAVAILABLE')
  expect(questions[0]?.status.code).toBe(SpanStatusCode.ERROR)
  expect(questions[0]?.attributes['ipfs_registry.outcome']).toBe('unavailable')
})

test('a word for a method makes no new name', async () => {
  await ask(gateway.port, '/', { method: 'PROPFIND' })
  const { request } = await traced()
  expect(request.name).toBe('HTTP')
  expect(request.attributes).toMatchObject({ 'http.request.method': '_OTHER' })
})
