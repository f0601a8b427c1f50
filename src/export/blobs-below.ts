import { Failure, isFailure } from '../errors.ts'
import type { Descriptor } from '../layout/descriptor.ts'
import { childrenOf, parseManifest } from '../layout/manifest.ts'
import type { Manifest } from '../layout/manifest.ts'
import { isManifestType, isNonDistributableType } from '../layout/media-type.ts'
import { formatPlatform, isUnknownPlatform } from '../layout/platform.ts'
import type { Digest } from '../reference/digest.ts'
import type { LayoutSource } from './layout-source.ts'
import { mentioned } from './mentioned.ts'

/** A blob that belongs to an export. */
interface Reached {
  readonly descriptor: Descriptor
  /** Image manifests whose config or layer it is. */
  readonly images: Set<Reached>
  /** Platforms that indexes say it is for. */
  readonly platforms: Set<string>
  /** Not held by the layout, as far as is known. */
  missing: boolean
  /** Known to be held and to have its size. */
  seen: boolean
}

/** Blobs of one export: a thousand images have some ten thousand. */
const MAX_BLOBS = 100_000
/** Blobs that are looked for at one time. */
const CONCURRENCY = 8

/**
 * Every blob below these manifests and indexes, and they themselves: each once, depth first. All of them are there.
 *
 * @throws Failure BLOB_UNKNOWN naming the platforms that are not whole; CONTENT_INVALID for a broken manifest;
 *   CONTENT_TOO_LARGE; CONTENT_* when that can't be told now
 */
export async function blobsBelow(
  roots: readonly Descriptor[],
  source: LayoutSource,
  signal: AbortSignal,
): Promise<Descriptor[]> {
  const reached = await walk(roots, source, signal)
  const unseen = [...reached.values()].filter((blob) => !blob.seen && !blob.missing)
  for (let from = 0; from < unseen.length; from += CONCURRENCY) {
    await Promise.all(unseen.slice(from, from + CONCURRENCY).map((blob) => look(blob, source, signal)))
  }
  const blobs = [...reached.values()].filter((blob) => !mayBeMissing(blob))
  if (blobs.some(({ missing }) => missing)) throw notWhole(blobs, source)
  return blobs.map(({ descriptor }) => descriptor)
}

/**
 * What a manifest or index refers to.
 *
 * @returns undefined when the layout does not hold it, or it has no media type and turns out to be something else
 * @throws Failure CONTENT_INVALID for a broken one
 */
export async function manifestOf(
  descriptor: Descriptor,
  source: LayoutSource,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  const { digest, mediaType } = descriptor
  const bytes = await source.reader.read(descriptor, { signal })
  if (bytes === undefined) return undefined
  const manifest = parseManifest(bytes, mediaType)
  if (manifest === undefined) {
    if (mediaType === '') return undefined
    throw new Failure(
      'CONTENT_INVALID',
      `${digest} in ${source.path} is no manifest, though it is said to be one`,
    )
  }
  const [problem] = manifest.problems
  if (problem === undefined) return manifest
  throw new Failure('CONTENT_INVALID', `the manifest ${digest} in ${source.path} is broken: ${problem}`)
}

type Waiting = readonly [descriptor: Descriptor, image: Reached | undefined]

async function walk(
  roots: readonly Descriptor[],
  source: LayoutSource,
  signal: AbortSignal,
): Promise<Map<Digest, Reached>> {
  const reached = new Map<Digest, Reached>()
  const waiting: Waiting[] = roots.map((root): Waiting => [root, undefined]).reverse()
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [descriptor, image] = next
    const known = reached.get(descriptor.digest)
    const blob = known ?? { descriptor, images: new Set(), platforms: new Set(), missing: false, seen: false }
    if (image !== undefined) blob.images.add(image)
    const platform = isUnknownPlatform(descriptor.platform) ? undefined : formatPlatform(descriptor.platform)
    if (platform !== undefined) blob.platforms.add(platform)
    if (known !== undefined) continue
    if (reached.size >= MAX_BLOBS) {
      throw new Failure(
        'CONTENT_TOO_LARGE',
        `${source.path} has more than ${MAX_BLOBS} blobs; export single images`,
      )
    }
    reached.set(descriptor.digest, blob)
    if (descriptor.mediaType !== '' && !isManifestType(descriptor.mediaType)) continue
    const manifest = await manifestOf(descriptor, source, signal)
    blob.seen = manifest !== undefined
    blob.missing = manifest === undefined && descriptor.mediaType !== ''
    if (manifest === undefined) continue
    const below = childrenOf(manifest).map((child): Waiting => [
      child,
      manifest.kind === 'image' ? blob : undefined,
    ])
    waiting.push(...below.reverse())
  }
  return reached
}

async function look(blob: Reached, source: LayoutSource, signal: AbortSignal): Promise<void> {
  const { digest, size } = blob.descriptor
  try {
    const found = await source.blob(digest, 'head', signal)
    if (found.size !== size) {
      throw new Failure('CONTENT_INVALID', `${digest} in ${source.path} has ${found.size} bytes, not ${size}`)
    }
  } catch (error) {
    if (!isFailure(error, 'BLOB_UNKNOWN')) throw error
    blob.missing = true
  }
}

/** Layers that may not be distributed are left out where they are not there, as publishing does. */
function mayBeMissing({ missing, descriptor }: Reached): boolean {
  return missing && isNonDistributableType(descriptor.mediaType)
}

function notWhole(blobs: readonly Reached[], source: LayoutSource): Failure {
  const lacking = blobs.filter(({ missing }) => missing)
  const broken = new Set(lacking.flatMap(neededBy))
  const whole = new Set(blobs.flatMap(({ platforms }) => [...platforms]).filter((one) => !broken.has(one)))
  const advice = whole.size === 0 ? '' : `; --platform exports one that is whole: ${mentioned(whole)}`
  return new Failure(
    'BLOB_UNKNOWN',
    `${source.path} does not hold all of ${mentioned(broken)}: ${lacking[0]?.descriptor.digest} is missing${advice}`,
    { detail: { missing: lacking.slice(0, 100).map(({ descriptor }) => descriptor.digest) } },
  )
}

/** Platforms, or digests of images that have none. */
function neededBy(blob: Reached): string[] {
  const images = blob.images.size === 0 ? [blob] : [...blob.images]
  return images.flatMap(({ platforms, descriptor }) =>
    platforms.size === 0 ? [descriptor.digest] : [...platforms],
  )
}
