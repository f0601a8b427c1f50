import { request } from 'undici'
import type { HealthReport } from '../cli/health-command.ts'
import { formatAddress, type Address } from '../config/address.ts'
import type { Config } from '../config/config.ts'
import { Failure, messageOf } from '../errors.ts'

/** ms that a gateway has to answer; who asks usually gives up a moment later. */
const PATIENCE = 4000

/**
 * Ask the admin listener of a running gateway.
 *
 * @throws Failure SETTINGS_INVALID where there is none, CONTENT_UNAVAILABLE where it does not answer
 */
export async function askHealth(
  { adminListen }: Pick<Config, 'adminListen'>,
  what: 'live' | 'ready',
  signal: AbortSignal,
): Promise<HealthReport> {
  if (adminListen === undefined) {
    throw new Failure('SETTINGS_INVALID', 'admin-listen: is off, and a gateway is asked for its health there')
  }
  const where = formatAddress(reached(adminListen))
  const own = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
  try {
    const { statusCode, body } = await request(`http://${where}/${what}z`, { signal: own })
    if (what === 'live') {
      await body.dump()
      const reasons = statusCode === 200 ? [] : [`it answers ${statusCode}`]
      return { ready: statusCode === 200, reasons, sources: {} }
    }
    return readinessOf(await body.json())
  } catch (error) {
    signal.throwIfAborted()
    const message = `no gateway answers at ${where} (--admin-listen): ${messageOf(error)}`
    throw new Failure('CONTENT_UNAVAILABLE', message, { cause: error })
  }
}

function readinessOf(json: unknown): HealthReport {
  const isOne =
    typeof json === 'object' && json !== null && 'ready' in json && 'reasons' in json && 'sources' in json
  if (!isOne) throw new TypeError('what answers there is something else')
  return json as HealthReport
}

/** Who listens on all addresses is reached by that of the loopback. */
function reached({ host, port }: Address): Address {
  if (host === '0.0.0.0') return { host: '127.0.0.1', port }
  return { host: host === '::' ? '::1' : host, port }
}
