import type { CID } from 'multiformats/cid'

/** An IPNS key or a DNSLink name. */
export type MutableName =
  | {
      readonly kind: 'key'
      /** libp2p-key CIDv1. */
      readonly key: CID
      /** base36, as IPFS writes it: the canonical form in logs, caches and requests. */
      readonly text: string
    }
  | {
      readonly kind: 'dnslink'
      /** Lower-case FQDN without trailing dot. */
      readonly text: string
    }

/** What the `<name>` part of a `/v2/<name>/…` request stands for. */
export type RepositoryName =
  | {
      readonly kind: 'ipfs'
      /** As in the request. */
      readonly name: string
      readonly root: CID
      readonly segments: readonly string[]
    }
  | {
      readonly kind: 'ipns'
      readonly name: string
      readonly mutable: MutableName
      readonly segments: readonly string[]
    }
  | {
      /** A name of an ordinary registry. */
      readonly kind: 'upstream'
      readonly name: string
    }
