import type { CID } from 'multiformats/cid'

/** A key that a name is published with. */
export interface PublishingKey {
  /** What it is called where it is kept. */
  readonly name: string
  /** libp2p-key CIDv1: the IPNS name. */
  readonly cid: CID
}

/** What a name says now, as far as is known here. */
export interface PublishedRecord {
  /** `/ipfs/<cid>` */
  readonly value: string
  /** Undefined where it can't be told. */
  readonly sequence: bigint | undefined
  /** ms since the epoch; undefined where it can't be told. */
  readonly validUntil: number | undefined
  /** False while parts of the network that are to have it may not have it, so that it is to be published again. */
  readonly settled: boolean
}

export interface NextRecord {
  /** `/ipfs/<cid>` */
  readonly value: string
  /** What {@link NamePublisher.current} said before the value was read. */
  readonly after: PublishedRecord | undefined
  /** ms for which the record is to be valid. */
  readonly lifetime: number
  /** ms for which resolvers may keep it. */
  readonly ttl: number
}

/**
 * Where keys are kept and names are published with them: a Kubo, which several gateways may publish through at once, or
 * keys of our own.
 *
 * Whoever asks {@link current} first, then reads the root, and then publishes what it read goes back to no older root:
 * where another one published meanwhile, the record is refused.
 *
 * Everything throws Failure CONTENT_UNAVAILABLE or STORE_FAILED where it can't be done now, and the signal's reason.
 */
export interface NamePublisher {
  readonly name: 'kubo' | 'embedded'
  /** What the key of a root is called unless the settings say otherwise. */
  keyNameOf(root: string): string
  /** Undefined only when there is known to be no key of this name. */
  findKey(name: string, signal: AbortSignal): Promise<CID | undefined>
  /** A new Ed25519 key; that of someone else who made it meanwhile. Never takes the place of a key. */
  makeKey(name: string, signal: AbortSignal): Promise<CID>
  /** Undefined when there is known to be no record. */
  current(key: PublishingKey, signal: AbortSignal): Promise<PublishedRecord | undefined>
  /** @returns undefined when another record came first */
  publish(key: PublishingKey, next: NextRecord, signal: AbortSignal): Promise<PublishedRecord | undefined>
}

/** Whether a record is in the first half of its lifetime, so that it need not be made anew yet. */
export function isYoung(validUntil: number | undefined, lifetime: number, now: number): boolean {
  return validUntil === undefined || validUntil - now > lifetime / 2
}
