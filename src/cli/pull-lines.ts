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

/** One command per layout and tag. */
export function pullLines(result: PublishResult, listen: Address): string[] {
  return result.layouts.flatMap(({ path, tags }) =>
    tags.map((tag) => `docker pull ${registryHost(listen)}${pathOf(result, path)}:${tag}`),
  )
}

/** What else to do with layouts in which no tag, not even `latest`, names an image. */
export function untaggedLines(result: PublishResult): string[] {
  return result.layouts
    .filter(({ tags }) => tags.length === 0)
    .map(({ path }) => {
      const at = pathOf(result, path)
      return `${at} has no tag to pull by; \`ipfs-registry inspect ${at}\` lists its images by digest`
    })
}

function pathOf({ root }: PublishResult, path: string): string {
  return ['/ipfs', root, ...path.split('/').filter((part) => part !== '')].join('/')
}
