import type { CID } from 'multiformats/cid'
import { Failure, messageOf } from '../errors.ts'
import type { NameAnswer } from './resolver.ts'

/** Bytes; a larger record is invalid (ipns-record spec, "Record Size Limit"). */
export const LARGEST_RECORD = 10 * 1024

/**
 * Verify a serialised IPNS record, from whomever it came, and read it: made with the key of the name, its signature
 * right, and still valid (ipns-record spec, "Record Verification").
 *
 * @param key libp2p-key CID: the name the record was asked for
 * @throws Failure CONTENT_INVALID when it is no record, too large, forged, of another key, or expired
 */
export async function verifyIpnsRecord(key: CID, bytes: Uint8Array): Promise<NameAnswer & VerifiedRecord> {
  if (bytes.byteLength > LARGEST_RECORD) throw invalid(key, `it is larger than ${LARGEST_RECORD} bytes`)
  const { validate } = await loadedCodec()
  try {
    await validate(routingKey(key), bytes)
    return await readIpnsRecord(bytes)
  } catch (error) {
    throw invalid(key, messageOf(error), error)
  }
}

/** Read a record that was verified before, whether or not it is still valid. @throws an Error where it is none */
export async function readIpnsRecord(bytes: Uint8Array): Promise<NameAnswer & VerifiedRecord> {
  const { unmarshal } = await loadedCodec()
  const record = unmarshal(bytes)
  const validUntil = Date.parse(record.validity)
  if (Number.isNaN(validUntil)) throw new Error('its validity is no point in time')
  if (typeof record.sequence !== 'bigint' || record.sequence < 0n)
    throw new Error('its sequence is no number')
  return { value: record.value, ttl: secondsOf(record.ttl), sequence: record.sequence, validUntil }
}

/** Loaded when the first record comes: it costs 20 MB that a gateway without IPNS names need not spend. */
let codec: ReturnType<typeof loadCodec> | undefined

function loadedCodec(): ReturnType<typeof loadCodec> {
  codec ??= loadCodec()
  return codec
}

async function loadCodec() {
  const { ipnsValidator } = await import('ipns/validator')
  const { unmarshalIPNSRecord } = await import('ipns')
  return { validate: ipnsValidator, unmarshal: unmarshalIPNSRecord }
}

export interface VerifiedRecord {
  readonly sequence: bigint
  /** ms since the epoch */
  readonly validUntil: number
}

/** `/ipns/` and the multihash of the key (ipns-record spec, "Routing Record"). */
function routingKey(key: CID): Uint8Array {
  return Buffer.concat([Buffer.from('/ipns/'), key.multihash.bytes])
}

/** Records count their TTL in ns. */
function secondsOf(ttl: unknown): number | undefined {
  return typeof ttl === 'bigint' && ttl >= 0n ? Number(ttl / 1_000_000n) / 1000 : undefined
}

function invalid(key: CID, why: string, cause?: unknown): Failure {
  return new Failure(
    'CONTENT_INVALID',
    `The IPNS record that came for ${key.toString()} is not valid: ${why}`,
    {
      cause,
    },
  )
}
