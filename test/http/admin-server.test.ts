import { expect, test } from '@jest/globals'
import request from 'supertest'
import { createAdminApp } from '../../src/observability/admin-server.ts'
import type { Readiness } from '../../src/observability/health.ts'
import { createMetrics } from '../../src/observability/metrics.ts'
import { gatewayStatus } from '../fixtures/gateway-status.ts'

function admin(readiness: Partial<Readiness> = {}) {
  const metrics = createMetrics({ processMetrics: false })
  const state = { ready: true, reasons: [], sources: { kubo: true }, ...readiness }
  return {
    app: createAdminApp({ readiness: () => state, status: async () => gatewayStatus(), metrics }),
    metrics,
  }
}

test('/livez says that the process answers, ready or not', async () => {
  const answer = await request(admin({ ready: false }).app).get('/livez')
  expect(answer.status).toBe(200)
  expect(answer.text).toBe('ok\n')
  expect(answer.headers['cache-control']).toBe('no-store')
  expect(answer.headers).not.toHaveProperty('x-powered-by')
})

test('/readyz says whether to send requests here, and why not', async () => {
  const ready = await request(admin().app).get('/readyz')
  expect(ready.status).toBe(200)
  expect(ready.body).toEqual({ ready: true, reasons: [], sources: { kubo: true } })
  const not = await request(admin({ ready: false, reasons: ['shutting down'] }).app).get('/readyz')
  expect(not.status).toBe(503)
  expect(not.body).toMatchObject({ ready: false, reasons: ['shutting down'] })
})

test('/metrics is what Prometheus reads', async () => {
  const { app, metrics } = admin()
  metrics.metrics.digestMismatches.add({ source: 'kubo' })
  const answer = await request(app).get('/metrics')
  expect(answer.status).toBe(200)
  expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(answer.text).toContain('ipfs_registry_digest_mismatches_total{source="kubo"} 1\n')
})

test('/ is a page that holds whatever it is told in place', async () => {
  const { app } = admin()
  const answer = await request(app).get('/')
  expect(answer.status).toBe(200)
  expect(answer.headers['content-type']).toBe('text/html; charset=utf-8')
  expect(answer.headers['cache-control']).toBe('no-store')
  expect(answer.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-[^']+';/)
  expect(answer.headers['x-content-type-options']).toBe('nosniff')
  expect(answer.text).toContain('http-equiv="refresh"')
  expect((await request(app).get('/?refresh=off')).text).not.toContain('http-equiv="refresh"')
})

test('/status.json is the same for programs', async () => {
  const answer = await request(admin().app).get('/status.json')
  expect(answer.headers['content-type']).toMatch(/^application\/json/)
  expect(answer.headers['cache-control']).toBe('no-store')
  expect(answer.body).toEqual(gatewayStatus())
})

test('HEAD is answered without a body; other methods and paths are refused', async () => {
  const { app } = admin()
  const head = await request(app).head('/readyz')
  expect(head.status).toBe(200)
  expect(head.text ?? '').toBe('')
  const post = await request(app).post('/livez')
  expect(post.status).toBe(405)
  expect(post.headers['allow']).toBe('GET, HEAD')
  expect((await request(app).get('/v2/')).status).toBe(404)
})
