import { formatAddress } from '../config/address.ts'
import type { Address } from '../config/address.ts'
import type { PublishResult } from '../publish/publisher.ts'

/**
 * Where a client on this machine reaches the gateway. `localhost` where possible: docker takes it for safe without
 * TLS.
 */
export function registryHost(listen: Address): string {
  const { host, port } = listen
  return isHere(host) ? `localhost:${port}` : formatAddress({ host, port })
}

function isHere(host: string): boolean {
  return ['localhost', '0.0.0.0', '::', '::1'].includes(host) || /^127\./.test(host)
}

/** One command per layout and tag; a layout without tags is pulled as `latest`. */
export function pullLines(result: PublishResult, listen: Address): string[] {
  return result.layouts.flatMap(({ path, tags }) => {
    const name = ['ipfs', result.root, ...path.split('/').filter((part) => part !== '')].join('/')
    const command = `docker pull ${registryHost(listen)}/${name}`
    return tags.length === 0 ? [command] : tags.map((tag) => `${command}:${tag}`)
  })
}
