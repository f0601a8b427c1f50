import express from 'express'
import type { Express, Response } from 'express'
import type { Readiness } from './health.ts'
import { STATUS_POLICY, statusPage } from './status-page.ts'
import type { GatewayStatus } from './status.ts'

export interface AdminServerOptions {
  /** Whether a `Host` header is one that operators call it by; any is where this is left out. */
  readonly knowsHost?: ((host: string) => boolean) | undefined
  readonly readiness: () => Readiness
  readonly status: () => Promise<GatewayStatus>
  readonly metrics: { readonly contentType: string; readonly expose: () => Promise<string> }
}

/**
 * What operators ask: the status at `/` and `/status.json`, `/livez`, `/readyz`, `/metrics`. It has a listener of its own,
 * which clients need not reach.
 */
export function createAdminApp({ readiness, status, metrics, knowsHost }: AdminServerOptions): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use((request, response, next) => {
    response.set('Cache-Control', 'no-store')
    const { host = '' } = request.headers
    if (host !== '' && knowsHost?.(host) === false) {
      sendText(
        response,
        403,
        'ask by a name of this machine itself, as localhost, or by one of --push-host\n',
      )
      return
    }
    if (request.method === 'GET' || request.method === 'HEAD') return next()
    response.set('Allow', 'GET, HEAD')
    sendText(response, 405, 'only GET and HEAD\n')
  })

  app.get('/', async (request, response) => {
    response.set({
      'Content-Security-Policy': STATUS_POLICY,
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    })
    const refreshes = request.query['refresh'] !== 'off'
    response.type('html').send(statusPage(await status(), { refreshes }))
  })

  app.get('/status.json', async (_, response) => {
    response.json(await status())
  })

  // Answering at all is the proof.
  app.get('/livez', (_, response) => sendText(response, 200, 'ok\n'))

  app.get('/readyz', (_, response) => {
    const state = readiness()
    response.status(state.ready ? 200 : 503).json(state)
  })

  app.get('/metrics', async (_, response) => {
    response.set('Content-Type', metrics.contentType).end(await metrics.expose())
  })

  app.use((_, response) =>
    sendText(response, 404, '/, /status.json, /livez, /readyz and /metrics are here\n'),
  )
  return app
}

function sendText(response: Response, status: number, text: string): void {
  response.status(status).type('text/plain').send(text)
}
