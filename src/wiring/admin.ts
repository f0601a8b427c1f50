import { isIP } from 'node:net'
import { hostNameOf, isLoopback } from '../http/called-host.ts'
import { ListeningServer } from '../http/server.ts'
import { createAdminApp } from '../observability/admin-server.ts'
import type { ExposedMetrics } from '../observability/metrics.ts'
import { statusOf, type StatusParts } from './status.ts'

export interface AdminParts extends StatusParts {
  readonly exposed: ExposedMetrics
}

/** What operators ask, on its own listener; undefined where the settings have none. */
export async function listenAdmin(parts: AdminParts): Promise<ListeningServer | undefined> {
  const { config, exposed, readiness } = parts
  if (config.adminListen === undefined) return undefined
  const app = createAdminApp({
    knowsHost: isLoopback(config.adminListen.host) ? isOwn(config.pushHost) : undefined,
    readiness,
    status: statusOf(parts),
    metrics: {
      contentType: exposed.contentType,
      expose: () => {
        measure(parts)
        return exposed.expose()
      },
    },
  })
  return ListeningServer.listen((req, res) => void app(req, res), {
    ...config.adminListen,
    tls: undefined,
    onTlsError: () => undefined,
  })
}

/**
 * Whose name leads to the loopback may be anybody: a web page of that name is of the same origin for its browser as what
 * it finds there, and could read it (DNS rebinding).
 *
 * @param own names besides those of the loopback, in lower case
 */
function isOwn(own: readonly string[]): (host: string) => boolean {
  return (host) => {
    const name = hostNameOf(host)
    return name !== undefined && (isLoopback(name) || isIP(name) !== 0 || own.includes(name))
  }
}

/** Bring the metrics up to date that nobody counts as it happens. */
function measure({ backend, store, exposed: { metrics } }: AdminParts): void {
  metrics.fillsInFlight.set(backend.cache.fillCount)
  backend.roots?.names.measure()
  metrics.cacheBytes.set({ cache: 'memory' }, backend.cache.memoryBytes)
  if (store !== undefined) metrics.cacheBytes.set({ cache: 'blobs' }, store.blobs.cacheBytes)
}
