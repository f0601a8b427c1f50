import type { createIPNSRecordWithExpiration } from 'ipns'
import type { SigningKey } from './key-file.ts'

export interface RecordContent {
  /** `/ipfs/<cid>` */
  readonly value: string
  readonly sequence: bigint
  /** ms since the epoch */
  readonly validUntil: number
  /** ms */
  readonly ttl: number
}

/** What the library needs of a private key. */
type LibraryKey = Parameters<typeof createIPNSRecordWithExpiration>[0]

/** A serialised IPNS record, with both signatures (ipns-record spec, "Record Creation"). */
export async function signRecord(key: SigningKey, content: RecordContent): Promise<Uint8Array> {
  // Loaded when it is needed: it costs 20 MB.
  const { createIPNSRecordWithExpiration, marshalIPNSRecord } = await import('ipns')
  const { value, sequence, validUntil, ttl } = content
  const expiration = new Date(validUntil).toISOString().replace('Z', '000000Z')
  const options = { ttlNs: BigInt(Math.round(ttl)) * 1_000_000n, v1Compatible: true }
  // Of the key the library uses no more than this, where it is an Ed25519 one.
  const signing = { type: 'Ed25519', sign: key.sign } as LibraryKey
  return marshalIPNSRecord(
    await createIPNSRecordWithExpiration(signing, value, sequence, expiration, options),
  )
}
