import { createHash } from 'node:crypto'
import { headerOf } from '../content/transport/exchange.ts'
import { Failure } from '../errors.ts'
import { MEDIA_TYPE } from '../layout/descriptor.ts'
import { parseManifest } from '../layout/manifest.ts'
import { algorithmOf, type Digest, type DigestAlgorithm, digestOf, isDigest } from '../reference/digest.ts'
import type { Asked } from './asked.ts'
import { isPage, noAnswer, type RegistryAnswer } from './refusal.ts'
import type { FetchedManifest } from './registry.ts'

/** What is read of manifests here: OCI's and Docker's of schema 2, and indexes of them. */
export const ACCEPT = Object.values(MEDIA_TYPE).join(', ')

/** A digest of an algorithm that is known here, well formed or not. */
const KNOWN_ALGORITHM = /^sha(?:256|512):/

/**
 * The manifest in an answer with status 200, whole and verified.
 *
 * @param wanted its digest, where it was asked for by that
 * @throws Failure CONTENT_INVALID, CONTENT_TOO_LARGE, and what reading the body throws
 */
export async function manifestIn(
  name: string,
  answer: RegistryAnswer,
  asked: Asked,
  { wanted, limit }: { wanted: Digest | undefined; limit: number },
): Promise<FetchedManifest> {
  if (isPage(answer)) {
    answer.body.drain()
    throw noAnswer(name, asked.text, 'it is a web page')
  }
  const bytes = await answer.body.readAll(limit)
  const digest = verifiedDigest(name, bytes, asked, wanted ?? statedDigest(answer))
  const manifest = parseManifest(bytes, mediaTypeOf(answer))
  if (manifest === undefined) throw noAnswer(name, asked.text, 'it is no manifest')
  return { digest, mediaType: manifest.mediaType, bytes, source: name }
}

/**
 * The digest that the answer to a HEAD states; undefined where it states none that is of use.
 *
 * @throws Failure CONTENT_INVALID
 */
export function digestInHead(name: string, answer: RegistryAnswer, asked: Asked): Digest | undefined {
  answer.body.drain()
  if (isPage(answer)) throw noAnswer(name, asked.text, 'it is a web page')
  const stated = statedDigest(answer)
  return stated !== undefined && isDigest(stated) ? stated : undefined
}

/** `Docker-Content-Digest`, unless it is of an algorithm that is not known here. */
function statedDigest(answer: RegistryAnswer): string | undefined {
  const stated = headerOf(answer, 'docker-content-digest')
  return KNOWN_ALGORITHM.test(stated) ? stated : undefined
}

/** `Content-Type` without parameters. */
export function mediaTypeOf(answer: RegistryAnswer): string {
  return (headerOf(answer, 'content-type').split(';')[0] ?? '').trim().toLowerCase()
}

function verifiedDigest(name: string, bytes: Uint8Array, asked: Asked, stated: string | undefined): Digest {
  if (stated === undefined) return computed(bytes, 'sha256')
  if (isDigest(stated) && computed(bytes, algorithmOf(stated)) === stated) return stated
  const message = `${name} sent a manifest for ${asked.text} that has not the digest ${stated.slice(0, 160)}`
  throw new Failure('CONTENT_INVALID', message)
}

function computed(bytes: Uint8Array, algorithm: DigestAlgorithm): Digest {
  return digestOf(algorithm, createHash(algorithm).update(bytes).digest('hex'))
}
