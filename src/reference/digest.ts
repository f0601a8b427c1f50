import { Failure } from '../errors.ts'

/** Algorithms a registry must know (image-spec, descriptor.md, "Registered algorithms"). */
export type DigestAlgorithm = 'sha256' | 'sha512'

/** An OCI digest in its canonical form; made only by {@link parseDigest} and {@link digestOf}. */
export type Digest = `${DigestAlgorithm}:${string}`

const LENGTH: Record<DigestAlgorithm, number> = { sha256: 64, sha512: 128 }
const FORM = /^(sha256|sha512):([0-9a-f]+)$/

/**
 * Parse a digest.
 *
 * @throws Failure DIGEST_INVALID when malformed or of an algorithm that this gateway does not know
 */
export function parseDigest(text: string): Digest {
  const match = FORM.exec(text)
  const algorithm = match?.[1] as DigestAlgorithm | undefined
  if (algorithm === undefined || match?.[2]?.length !== LENGTH[algorithm]) {
    throw new Failure('DIGEST_INVALID', `"${text.slice(0, 160)}" is not a sha256 or sha512 digest`)
  }
  return text as Digest
}

/** Whether `text` is a digest that {@link parseDigest} takes. */
export function isDigest(text: string): text is Digest {
  const match = FORM.exec(text)
  return match !== null && match[2]?.length === LENGTH[match[1] as DigestAlgorithm]
}

export function digestOf(algorithm: DigestAlgorithm, hex: string): Digest {
  return `${algorithm}:${hex}`
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256'
}

/** The hexadecimal part. */
export function encodedOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1)
}
