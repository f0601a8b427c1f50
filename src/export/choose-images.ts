import { Failure } from '../errors.ts'
import { ANNOTATION } from '../layout/annotation.ts'
import type { Descriptor } from '../layout/descriptor.ts'
import { nameOf } from '../layout/entry-name.ts'
import { inspectImages, platformsOf } from '../layout/inspect.ts'
import type { InspectedPlatform } from '../layout/inspect.ts'
import { inScope, selectTag } from '../layout/tags.ts'
import { parseDigest } from '../reference/digest.ts'
import type { Digest } from '../reference/digest.ts'
import type { LayoutSource } from './layout-source.ts'
import { mentioned } from './mentioned.ts'
import { matchPlatform } from './platform.ts'
import type { Wanted } from './reference.ts'

/** The entries of index.json that the path is about, in their order. */
export function entriesInScope({ index, hint }: LayoutSource): Descriptor[] {
  const named = index.descriptors.map((descriptor) => ({ descriptor, name: nameOf(descriptor) }))
  return inScope(named, hint).map(({ descriptor }) => descriptor)
}

/**
 * The image that a tag or digest means, as an entry of an index.json, which says the tag.
 *
 * @throws Failure MANIFEST_UNKNOWN
 */
export async function chooseOne(
  wanted: Exclude<Wanted, { kind: 'all' }>,
  source: LayoutSource,
  signal: AbortSignal,
): Promise<Descriptor> {
  if (wanted.kind === 'digest') return entryFor(wanted.digest, undefined, source, signal)
  const { index, hint, reader } = source
  const found = await selectTag(index, wanted.tag, hint, reader, { signal })
  return { ...found, annotations: { ...found.annotations, [ANNOTATION.refName]: wanted.tag } }
}

/**
 * Image manifests for one platform, as entries of an index.json: what the tag or digest means, or each tag and untagged
 * image that there is for it.
 *
 * @param options `strict`: an image that is no index must be for that platform too
 * @throws Failure MANIFEST_UNKNOWN naming the platforms that there are
 */
export async function chooseForPlatform(
  wanted: Wanted,
  platform: string,
  source: LayoutSource,
  options: { strict: boolean; signal: AbortSignal },
): Promise<Descriptor[]> {
  const { strict, signal } = options
  const images = await imagesFor(wanted, source, signal)
  const chosen: Descriptor[] = []
  for (const { tag, digest, platforms } of images) {
    const isIndex = platforms.some((one) => one.digest !== digest)
    const match = isIndex || strict ? matchPlatform(platform, platforms)?.digest : digest
    if (match !== undefined) chosen.push(await entryFor(parseDigest(match), tag, source, signal))
  }
  if (chosen.length > 0) return chosen
  const available = [...new Set(images.flatMap(({ platforms }) => platforms.map((one) => one.platform)))]
  const there = available.length === 0 ? 'no image at all' : `images for ${mentioned(available)}`
  throw new Failure(
    'MANIFEST_UNKNOWN',
    `${source.path} has no image for ${platform}; it has ${there} (--platform chooses)`,
    { detail: { platform, available: available.slice(0, 100) } },
  )
}

interface Image {
  readonly tag: string | undefined
  readonly digest: string
  readonly platforms: readonly InspectedPlatform[]
}

async function imagesFor(wanted: Wanted, source: LayoutSource, signal: AbortSignal): Promise<Image[]> {
  const { index, reader } = source
  if (wanted.kind === 'all') {
    return inspectImages({ ...index, descriptors: entriesInScope(source) }, reader, { signal })
  }
  const descriptor = await chooseOne(wanted, source, signal)
  const platforms = await platformsOf(descriptor, reader, { signal })
  const tag = wanted.kind === 'tag' ? wanted.tag : undefined
  return [{ tag, digest: descriptor.digest, platforms }]
}

async function entryFor(
  digest: Digest,
  tag: string | undefined,
  source: LayoutSource,
  signal: AbortSignal,
): Promise<Descriptor> {
  const { mediaType, bytes } = await source.manifest(digest, signal)
  const annotations = tag === undefined ? {} : { annotations: { [ANNOTATION.refName]: tag } }
  return { mediaType, digest, size: bytes.length, ...annotations }
}
