import { base58btc } from 'multiformats/bases/base58'
import { bases } from 'multiformats/basics'
import type { MultibaseDecoder } from 'multiformats/bases/interface'
import { CID } from 'multiformats/cid'
import type { MultihashDigest } from 'multiformats/hashes/interface'
import * as Multihash from 'multiformats/hashes/digest'

/** Multicodec codes (multiformats/multicodec, table.csv). */
export const CODEC = { raw: 0x55, dagPb: 0x70, libp2pKey: 0x72 } as const
export const HASH = { identity: 0x00, sha256: 0x12, sha512: 0x13 } as const

/** Decoding base36 and base58 takes time quadratic in the length. */
const MAX_TEXT_LENGTH = 1024
/** Peer IDs inline public keys of up to this many bytes (libp2p specs, peer-ids.md). */
const MAX_INLINE_KEY_LENGTH = 42

const DIGEST_LENGTH = new Map<number, number>([
  [HASH.sha256, 32],
  [HASH.sha512, 64],
])

const DECODERS = new Map<string, MultibaseDecoder<string>>(
  Object.values(bases).map((base) => [base.prefix, base.decoder]),
)

/**
 * Parse a CID in any multibase, or a CIDv0. The result is a CIDv1 whose `toString()` is base32 however it was spelled.
 *
 * @returns undefined when `text` is no CID, or one with a truncated sha2 digest, which would prove nothing
 */
export function parseCid(text: string): CID | undefined {
  if (text.length > MAX_TEXT_LENGTH) return undefined
  const prefix = String.fromCodePoint(text.codePointAt(0) ?? 0)
  try {
    const cid = prefix === 'Q' ? CID.parse(text) : CID.parse(text, DECODERS.get(prefix))
    if (!hasWholeDigest(cid.multihash)) return undefined
    // Made anew because multiformats remembers the text a CID was parsed from, and gives that back.
    return CID.createV1(cid.code, cid.multihash)
  } catch {
    return undefined
  }
}

/**
 * Parse a libp2p PeerID (`12D3Koo…`, `16Uiu2…`, `Qm…`) to the CID of its key.
 *
 * @returns a libp2p-key CIDv1, or undefined when `text` is no PeerID
 */
export function parsePeerId(text: string): CID | undefined {
  if (text.length > MAX_TEXT_LENGTH) return undefined
  try {
    const multihash = Multihash.decode(base58btc.decode(`z${text}`))
    return isKeyHash(multihash) ? CID.createV1(CODEC.libp2pKey, multihash) : undefined
  } catch {
    return undefined
  }
}

/** Whether a multihash can be that of a public key: inlined as protobuf, or its sha2-256. */
export function isKeyHash(multihash: MultihashDigest): boolean {
  if (multihash.code === HASH.sha256) return multihash.size === 32
  if (multihash.code !== HASH.identity || multihash.size > MAX_INLINE_KEY_LENGTH) return false
  // PublicKey { required KeyType Type = 1; required bytes Data = 2; }
  const [typeTag, type = 0xff, dataTag, length] = multihash.digest
  return typeTag === 0x08 && type <= 3 && dataTag === 0x12 && length === multihash.size - 4
}

function hasWholeDigest(multihash: MultihashDigest): boolean {
  const length = DIGEST_LENGTH.get(multihash.code)
  return length === undefined || length === multihash.size
}
