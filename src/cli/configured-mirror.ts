import type { Config } from '../config/config.ts'
import { formatAddress } from '../config/address.ts'
import type { Address } from '../config/address.ts'
import { isLoopback } from '../config/exposure.ts'
import { parseHttpUrl } from '../config/http-url.ts'
import { ValueMistake } from '../config/value-mistake.ts'
import type { Mirror, MirroredRegistry } from '../runtimes/mirror.ts'
import { WrongUse } from './command-context.ts'

type Settings = Pick<Config, 'listen' | 'tlsCert' | 'mirrors' | 'upstreams' | 'defaultUpstream'>

/**
 * The gateway of these settings as the mirror of its upstreams.
 *
 * @param gateway where runtimes reach it, when that is another machine, or a name
 * @throws WrongUse where there is no such address, or nothing to mirror
 */
export function configuredMirror(config: Settings, gateway: string | undefined): Mirror {
  const registries = config.upstreams.flatMap(({ name, aliases }): MirroredRegistry[] => {
    // Others are in no image's name.
    if (!/[.:]/.test(name) && name !== 'localhost') return []
    const mirror = config.mirrors.find(({ upstream, address }) => upstream === name && address.port !== 0)
    return [
      {
        name,
        prefix: [name, ...aliases].find((one) => !one.includes(':')),
        // Settings at hand need not be those of a gateway elsewhere.
        listener:
          mirror === undefined || gateway !== undefined ? undefined : originOf(config, mirror.address),
        isDefault: gateway !== undefined || config.defaultUpstream === name,
      },
    ]
  })
  if (registries.length === 0) {
    throw new WrongUse('there is nothing to mirror: name registries by --upstream docker.io')
  }
  const origin = gateway === undefined ? ownOrigin(config) : givenOrigin(gateway)
  const host = new URL(origin).hostname.replace(/^\[(.*)\]$/, '$1')
  return { gateway: origin, isLocal: isLoopback(host), registries }
}

function givenOrigin(gateway: string): string {
  try {
    const { url, user } = parseHttpUrl(gateway)
    if (user !== undefined || new URL(url).origin !== url)
      throw new ValueMistake('has more than host and port')
    return url
  } catch (error) {
    if (!(error instanceof ValueMistake)) throw error
    throw new WrongUse(`--gateway must be an address as http://127.0.0.1:5000; "${gateway}" is none`)
  }
}

function ownOrigin(config: Settings): string {
  if (config.listen.port !== 0) return originOf(config, config.listen)
  throw new WrongUse('--listen leaves the port to the system: say by --gateway where it is')
}

function originOf({ tlsCert }: Settings, { host, port }: Address): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `${tlsCert === undefined ? 'http' : 'https'}://${formatAddress({ host: reached, port })}`
}
