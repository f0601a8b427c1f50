import { formatAddress } from '../config/address.ts'
import type { Config } from '../config/config.ts'
import { exposureWarning } from '../config/exposure.ts'
import type { Logger } from '../observability/logger.ts'

/** What a gateway that has started is, beyond its settings. */
export interface Started {
  readonly url: string
  /** `on`, `off`, or a URL. */
  readonly ipfsGateway: string
  readonly sources: readonly string[]
  /** In the order of the settings. */
  readonly mirrorPorts: readonly number[]
  /** Of the store; undefined for one in memory. */
  readonly folder: string | undefined
  /** Patterns of what is pushed, but not shown to everybody. */
  readonly privatePushes: readonly string[]
}

/** Tell the log where clients reach the gateway and what is behind it, and what to be careful about. */
export function announce(logger: Logger, config: Config, started: Started): void {
  const { url, ipfsGateway, sources, mirrorPorts, folder, privatePushes } = started
  const { protocol } = new URL(url)
  const mirrors = config.mirrors.map(({ address: { host }, upstream }, index) => {
    const address = formatAddress({ host, port: mirrorPorts[index] ?? 0 })
    return `${protocol}//${address} for ${upstream}`
  })
  logger.info(`listening on ${url}`, {
    sources: sources.join(', '),
    upstreams: config.upstreams.map(({ name }) => name).join(', ') || 'none',
    ...(mirrors.length === 0 ? {} : { mirrors: mirrors.join(', ') }),
    store: folder ?? 'memory',
    ipfsGateway,
  })
  if (config.push && privatePushes.length > 0) {
    logger.info('what not everybody may pull is kept apart from IPFS when it is pushed', {
      repositories: privatePushes.join(', '),
    })
  }
  const warning = exposureWarning(config)
  if (warning !== undefined) logger.warn(warning)
}
