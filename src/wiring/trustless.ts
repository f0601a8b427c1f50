import type { Config } from '../config/config.ts'
import { relayedBlocks } from '../content/dag/relayed-blocks.ts'
import type { Policy } from '../repository/policy.ts'
import { createTrustlessEndpoints, type ServeTrustless } from '../trustless/endpoints.ts'
import { buildBlockReaders, type LocatedSource } from './sources.ts'
import { heldIn, type OpenStore } from './store.ts'

export interface TrustlessParts {
  readonly config: Config
  readonly located: readonly LocatedSource[]
  readonly store: OpenStore | undefined
  readonly policy: Policy
}

/** The endpoints that give other gateways and IPFS clients what is held here. */
export function buildTrustless({ config, located, store, policy }: TrustlessParts): ServeTrustless {
  const held = heldIn(store)
  return createTrustlessEndpoints({
    held,
    relayed: config.relay ? relayedBlocks(held, buildBlockReaders(config, located)) : undefined,
    records: store?.ipnsRecords ?? { find: () => Promise.resolve(undefined) },
    check: {
      path: (path) => policy.checkPath(path),
      target: (path) => policy.checkTarget(path),
      name: (name) => policy.checkName(name, []),
    },
    maxRequests: config.ipfsGatewayRequests,
  })
}
