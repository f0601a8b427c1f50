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
 * @throws Failure CONTENT_INVALID when the bytes are not that block, are too many, or the hash is not known here
 */
export function verifyBlock(cid: CID, bytes: Uint8Array): void {
  if (bytes.byteLength > MAX_BLOCK_BYTES) {
    throw new Failure(
      'CONTENT_INVALID',
      `block ${cid.toString()} has ${bytes.byteLength} bytes, more than a block may have`,
    )
  }
  if (!matches(cid, bytes)) {
    throw new Failure('CONTENT_INVALID', `the bytes that came for block ${cid.toString()} are not that block`)
  }
}

function matches(cid: CID, bytes: Uint8Array): boolean {
  const { code, digest } = cid.multihash
  if (code === IDENTITY) return Buffer.compare(bytes, digest) === 0
  const known = HASHES.get(code)
  if (known === undefined || digest.byteLength !== known.length) {
    throw new Failure(
      'CONTENT_INVALID',
      `block ${cid.toString()} can't be verified: its hash (multicodec 0x${code.toString(16)}) is not known here`,
    )
  }
  return hash(known.algorithm, bytes, 'buffer').equals(digest)
}
