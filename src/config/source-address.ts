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
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new ValueMistake('has an address that is no http:// or https:// URL')
  }
  if (url.search !== '' || url.hash !== '')
    throw new ValueMistake('has an address with a query or a fragment')
  const credentials = `${decoded(url.username)}:${decoded(url.password)}`
  // A password in a URL would end up in logs and metrics, so it becomes a header here.
  const headers: Record<string, string> =
    credentials === ':' ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
  return { url: url.origin + url.pathname.replace(/\/+$/, ''), socketPath: undefined, headers }
}

/** Percent-decoding that leaves a stray % as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
