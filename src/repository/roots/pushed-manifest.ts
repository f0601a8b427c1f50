import { createHash } from 'node:crypto'
import { Failure } from '../../errors.ts'
import type { Descriptor } from '../../layout/descriptor.ts'
import { childrenOf, parseManifest, type Manifest } from '../../layout/manifest.ts'
import { isManifestType, isNonDistributableType } from '../../layout/media-type.ts'
import { algorithmOf, digestOf, type Digest } from '../../reference/digest.ts'
import type { ManifestToPut } from '../writable-repository.ts'

/** A manifest that a client has sent and that is sound by itself. */
export interface PushedManifest {
  /** As index.json lists it. */
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
  readonly subject: Digest | undefined
  /** What its repository must hold besides: config, layers, manifests. Not what may not be distributed, nor the subject. */
  readonly needs: readonly Descriptor[]
}

/**
 * Check what was sent as a manifest, by itself.
 *
 * @param limit bytes
 * @throws Failure MANIFEST_TOO_LARGE, MANIFEST_INVALID; DIGEST_INVALID when it is not what the request names
 */
export function checkManifest(sent: ManifestToPut, limit: number): PushedManifest {
  const { bytes, mediaType } = sent
  if (bytes.length > limit) {
    throw new Failure('MANIFEST_TOO_LARGE', `the manifest has ${bytes.length} bytes, more than ${limit}`)
  }
  const digest = digestIn(sent)
  if (mediaType !== '' && !isManifestType(mediaType)) {
    throw invalid(`"${mediaType.slice(0, 100)}" is the media type of no manifest that this gateway knows`)
  }
  const manifest = parseManifest(bytes, mediaType)
  if (manifest === undefined) throw invalid('it is no image manifest and no index of schema 2')
  if (mediaType !== '' && manifest.mediaType !== mediaType) {
    throw invalid(`it says that it is ${manifest.mediaType}, and the request that it is ${mediaType}`)
  }
  const [problem] = manifest.problems
  if (problem !== undefined) throw invalid(problem)
  return {
    descriptor: descriptorOf(manifest, digest, bytes.length),
    bytes,
    subject: manifest.subject?.digest,
    needs: childrenOf(manifest).filter((child) => !isNonDistributableType(child.mediaType)),
  }
}

function digestIn({ bytes, digest }: ManifestToPut): Digest {
  const algorithm = digest === undefined ? 'sha256' : algorithmOf(digest)
  const actual = digestOf(algorithm, createHash(algorithm).update(bytes).digest('hex'))
  if (digest === undefined || digest === actual) return actual
  throw new Failure('DIGEST_INVALID', `the manifest has the digest ${actual}, not ${digest}`)
}

function descriptorOf(manifest: Manifest, digest: Digest, size: number): Descriptor {
  const { mediaType, artifactType, kind } = manifest
  // Of an image it would be the type of its config, which says nothing new.
  const own = kind === 'index' || manifest.config?.mediaType !== artifactType ? artifactType : undefined
  return { mediaType, digest, size, ...(own === undefined ? {} : { artifactType: own }) }
}

function invalid(why: string): Failure {
  return new Failure('MANIFEST_INVALID', `this manifest can't be taken: ${why}`)
}
