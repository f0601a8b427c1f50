import { BlockList, isIP } from 'node:net'
import type { Config } from './config.ts'

type Listeners = Pick<Config, 'listen' | 'mirrors' | 'upstreams'>

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/**
 * What to warn of at the start; undefined where nothing is to be warned of. Where clients don't have to say who they are,
 * whoever can reach this gateway reads what its own credentials for an upstream let it read.
 */
export function exposureWarning(config: Listeners & Pick<Config, 'auth' | 'authRules'>): string | undefined {
  const { auth, authRules } = config
  if (auth.kind === 'none' || (auth.kind === 'htpasswd' && authRules !== 'public')) return undefined
  const names = exposedUpstreams(config)
  if (names.length === 0) return undefined
  return (
    `whoever can reach this gateway reads from ${names.join(', ')} with its credentials: ` +
    'listen on the loopback only, let nobody else reach it, or have them log in (--auth)'
  )
}

/** Names of the upstreams that others than the users of this machine read from with credentials of this gateway. */
export function exposedUpstreams({ listen, mirrors, upstreams }: Listeners): readonly string[] {
  // A request at any listener can name any upstream.
  const listeners = [listen, ...mirrors.map(({ address }) => address)]
  if (listeners.every(({ host }) => isLoopback(host))) return []
  return upstreams
    .filter(({ hosts }) => hosts.some(({ credentials }) => credentials !== undefined))
    .map(({ name }) => name)
}

/** Whether only this machine reaches a listener of this host. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true
  const ip = host.replace(/%.*/, '')
  const family = isIP(ip)
  return family !== 0 && LOOPBACK.check(ip, family === 6 ? 'ipv6' : 'ipv4')
}
