import { hash } from 'node:crypto'
import type { CID } from 'multiformats/cid'
import { Failure } from '../errors.ts'

/** Bytes of the largest block that is read: 2 MiB (the limit of bitswap and of gateways) and what wraps them. */
export const MAX_BLOCK_BYTES = 2 * 1024 * 1024 + 4096

/** Multihash code of content that stands in the CID itself (multicodec `identity`). */
const IDENTITY = 0x00

/** Multihash code (multicodec table) → name in node:crypto and bytes of the digest. */
const HASHES = new Map([
  [0x12, { algorithm: 'sha256', length: 32 }],
  [0x13, { algorithm: 'sha512', length: 64 }],
])

/** The content of a CID that carries it in itself; undefined for all others. */
export function inlineBytes(cid: CID): Uint8Array | undefined {
  return cid.multihash.code === IDENTITY ? cid.multihash.digest : undefined
}

/**
 * Hold a block to its CID: sha2-256, sha2-512, identity.
 *
 * @param from who sent it, for messages; `does` is what they do with it
 * @throws Failure CONTENT_INVALID when the bytes are not that block, are too many, or the hash is not known here
 */
export function verifyBlock(
  cid: CID,
  bytes: Uint8Array,
  from: string,
  does: 'sends' | 'holds' = 'sends',
): void {
  const invalid = (what: string): Failure => new Failure('CONTENT_INVALID', `${from} ${does} ${what}`)
  if (bytes.byteLength > MAX_BLOCK_BYTES) {
    throw invalid(`${bytes.byteLength} bytes for block ${cid.toString()}, more than a block may have`)
  }
  if (!matches(cid, bytes, invalid))
    throw invalid(`bytes for block ${cid.toString()} that are not that block`)
}

function matches(cid: CID, bytes: Uint8Array, invalid: (what: string) => Failure): boolean {
  const { code, digest } = cid.multihash
  if (code === IDENTITY) return Buffer.compare(bytes, digest) === 0
  const known = HASHES.get(code)
  if (known === undefined || digest.byteLength !== known.length) {
    const name = `0x${code.toString(16)}`
    throw invalid(`block ${cid.toString()}, whose hash (multicodec ${name}) can't be checked here`)
  }
  return hash(known.algorithm, bytes, 'buffer').equals(digest)
}
