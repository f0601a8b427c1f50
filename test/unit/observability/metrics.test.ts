import { expect, test } from '@jest/globals'
import { LABELS, METRICS } from '../../../src/observability/metric-definitions.ts'
import type { MetricDefinition } from '../../../src/observability/metric-definitions.ts'
import { createMetrics, noMetrics } from '../../../src/observability/metrics.ts'

test('what is counted is exposed under the prefix', async () => {
  const { metrics, expose } = createMetrics({ processMetrics: false })
  metrics.requests.add({ route: 'blob', method: 'GET', code: '200' })
  metrics.requests.add({ route: 'blob', method: 'GET', code: '200' }, 2)
  metrics.requestsInFlight.add(1)
  metrics.requestsInFlight.add(-1)
  metrics.cacheBytes.set({ cache: 'blobs' }, 42)
  metrics.cacheWriteFailures.add()
  metrics.requestSeconds.observe({ route: 'blob' }, 0.2)
  const text = await expose()
  expect(text).toContain('ipfs_registry_http_requests_total{route="blob",method="GET",code="200"} 3\n')
  expect(text).toContain('ipfs_registry_http_requests_in_flight 0\n')
  expect(text).toContain('ipfs_registry_cache_size_bytes{cache="blobs"} 42\n')
  expect(text).toContain('ipfs_registry_cache_write_failures_total 1\n')
  expect(text).toContain('ipfs_registry_http_request_duration_seconds_bucket{le="0.1",route="blob"} 0\n')
  expect(text).toContain('ipfs_registry_http_request_duration_seconds_bucket{le="0.5",route="blob"} 1\n')
})

test('reading twice counts nothing twice', async () => {
  const { metrics, expose } = createMetrics({ processMetrics: false })
  metrics.requests.add({ route: 'blob', method: 'GET', code: '200' })
  metrics.requestsInFlight.add(1)
  await expose()
  metrics.requests.add({ route: 'blob', method: 'GET', code: '200' })
  metrics.requests.add({ route: 'blob', method: 'GET', code: '404' })
  metrics.cacheBytes.set({ cache: 'blobs' }, 7)
  metrics.cacheBytes.add({ cache: 'blobs' }, -2)
  metrics.requestsInFlight.add(1)
  const text = await expose()
  expect(text).toContain('ipfs_registry_http_requests_total{route="blob",method="GET",code="200"} 2\n')
  expect(text).toContain('ipfs_registry_http_requests_total{route="blob",method="GET",code="404"} 1\n')
  expect(text).toContain('ipfs_registry_cache_size_bytes{cache="blobs"} 5\n')
  expect(text).toContain('ipfs_registry_http_requests_in_flight 2\n')
})

test('two gateways in one process do not share figures', async () => {
  const one = createMetrics({ processMetrics: false })
  const two = createMetrics({ processMetrics: false })
  one.metrics.cacheWriteFailures.add(7)
  expect(await two.expose()).toContain('ipfs_registry_cache_write_failures_total 0\n')
})

test('figures of Node.js are there too', async () => {
  const { expose, close } = createMetrics()
  expect(await expose()).toContain('nodejs_eventloop_lag_seconds')
  close()
})

test('no metrics cost nothing and take every call', () => {
  const metrics = noMetrics()
  metrics.requests.add({ route: 'blob', method: 'GET', code: '200' })
  metrics.cacheBytes.set({ cache: 'blobs' }, 1)
  metrics.fillsInFlight.set(1)
  metrics.requestSeconds.observe({ route: 'blob' }, 1)
})

test('the table keeps to the conventions of Prometheus', () => {
  const rows = Object.values<MetricDefinition>(METRICS)
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
  for (const { kind, name, labels, buckets } of rows) {
    expect(name).toMatch(/^[a-z]+(_[a-z]+)+$/)
    expect(name.endsWith('_total')).toBe(kind === 'counter')
    if (kind === 'histogram') expect(name).toMatch(/_seconds$/)
    expect(buckets !== undefined).toBe(kind === 'histogram')
    for (const label of labels) expect(LABELS).toHaveProperty(label)
  }
  const used = new Set(rows.flatMap(({ labels }) => labels))
  expect([...used].sort()).toEqual(Object.keys(LABELS).sort())
})
