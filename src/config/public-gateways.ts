import type { SourceSetting } from './source-setting.ts'

/**
 * Gateways that serve anyone and answer with blocks (specs.ipfs.tech, "Trustless Gateway"), so that what comes from
 * them is verified here. Asked only with `--public`.
 */
export const PUBLIC_GATEWAYS = ['https://trustless-gateway.link', 'https://ipfs.io'] as const

/** A guest's manners: few requests at once. */
const PUBLIC_CONCURRENCY = 8

export function publicSources(): SourceSetting[] {
  return PUBLIC_GATEWAYS.map((url) => ({
    kind: 'gateway',
    url,
    socketPath: undefined,
    headers: {},
    tokenFile: undefined,
    concurrency: PUBLIC_CONCURRENCY,
    cache: true,
    optional: false,
  }))
}
