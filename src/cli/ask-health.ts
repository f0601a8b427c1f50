import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { formatAddress, type Address } from '../config/address.ts'
import type { Config } from '../config/config.ts'
import { Failure, messageOf } from '../errors.ts'

/** ms that a gateway has to answer; who asks usually gives up a moment later. */
const PATIENCE = 4000

/** What a running gateway says of itself. */
export interface HealthReport {
  readonly ready: boolean
  /** Why not. */
  readonly reasons: readonly string[]
  /** Whether each answers, by its name; none where only life was asked for. */
  readonly sources: Readonly<Record<string, boolean>>
}

/**
 * Ask the admin listener of a running gateway. Nothing of the program behind the commands is loaded for it, since it is
 * done every few seconds.
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
  try {
    const own = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
    const { status, body } = await ask(`http://${where}/${what}z`, own)
    if (what === 'ready') return readinessOf(JSON.parse(body))
    const reasons = status === 200 ? [] : [`it answers ${status}`]
    return { ready: status === 200, reasons, sources: {} }
  } catch (error) {
    signal.throwIfAborted()
    const message = `no gateway answers at ${where} (--admin-listen): ${messageOf(error)}`
    throw new Failure('CONTENT_UNAVAILABLE', message, { cause: error })
  }
}

function ask(url: string, signal: AbortSignal): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { signal, agent: false }, (answer) => {
      const status = answer.statusCode ?? 0
      text(answer).then((body) => resolve({ status, body }), reject)
    })
    request.on('error', reject)
  })
}

/** Who listens on all addresses is reached by that of the loopback. */
function reached({ host, port }: Address): Address {
  if (host === '0.0.0.0') return { host: '127.0.0.1', port }
  return { host: host === '::' ? '::1' : host, port }
}

function readinessOf(json: unknown): HealthReport {
  const isOne =
    typeof json === 'object' && json !== null && 'ready' in json && 'reasons' in json && 'sources' in json
  if (!isOne) throw new TypeError('what answers there is something else')
  return json as HealthReport
}
