import { basic, parseHttpUrl } from './http-url.ts'
import { endpointOfMultiaddr } from './multiaddr.ts'
import type { SourceKind } from './source-setting.ts'
import { ValueMistake } from './value-mistake.ts'

/** Where a source is reached. */
export interface SourceAddress {
  readonly url: string | undefined
  readonly socketPath: string | undefined
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The address of a source of this kind: a URL, or for a Kubo also a multiaddr.
 *
 * @throws ValueMistake
 */
export function addressOf(kind: SourceKind, value: unknown): SourceAddress {
  if (value === undefined || value === '') {
    if (kind === 'gateway' || kind === 'trusted-gateway') {
      throw new ValueMistake(`needs an address: ${kind}=https://host`)
    }
    return { url: undefined, socketPath: undefined, headers: {} }
  }
  if (kind === 'embedded') throw new ValueMistake('takes no address: the embedded store is at --store')
  if (typeof value !== 'string') throw new ValueMistake('has an address that is no text')
  if (value.startsWith('/')) {
    const endpoint = endpointOfMultiaddr(value)
    if (endpoint === undefined) {
      throw new ValueMistake(
        `has an address that is no multiaddr of an HTTP API, as /ip4/127.0.0.1/tcp/5001 is`,
      )
    }
    return { ...endpoint, headers: {} }
  }
  return fromUrl(value)
}

function fromUrl(value: string): SourceAddress {
  const { url, user } = parseHttpUrl(value)
  return { url, socketPath: undefined, headers: user === undefined ? {} : basic(user) }
}
