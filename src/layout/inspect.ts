import type { Digest } from '../reference/digest.ts'
import type { Candidate } from './candidates.ts'
import { candidatesIn, distinctDigests, withMediaTypes } from './candidates.ts'
import type { Descriptor } from './descriptor.ts'
import type { LayoutIndex } from './image-index.ts'
import { parseJsonObject } from './json-object.ts'
import type { ImageManifest, Manifest } from './manifest.ts'
import type { ManifestReader } from './manifest-reader.ts'
import { MAX_INDEX_DEPTH, visitBlobs, visitManifests } from './manifest-reader.ts'
import { formatPlatform, isUnknownPlatform } from './platform.ts'
import { findRoots } from './roots.ts'
import { bestMatch } from './tags.ts'

export interface InspectedImage {
  /** Where several images have one tag, those that it does not name have their full name here. */
  readonly tag: string | undefined
  readonly digest: string
  readonly mediaType: string
  /** CID of the manifest's file, where a source can tell. */
  readonly cid: string | undefined
  /** One for an image manifest, one per runnable child for an index; none for what the layout does not hold. */
  readonly platforms: readonly InspectedPlatform[]
}

export interface InspectedPlatform {
  /** `linux/amd64`, `linux/arm/v7`; 'unknown' where neither index nor config tells. */
  readonly platform: string
  readonly digest: string
  /** Bytes of config and layers together; 0 where the layout lacks the manifest. */
  readonly size: number
  readonly layers: number
}

/** Manifests that are read; of a larger layout the later images are listed without platforms. */
const MAX_READ = 1024
/** Platforms that are shown of one image; a real one has a dozen. */
const MAX_PLATFORMS = 256

type Options = { readonly signal: AbortSignal }

/**
 * What the tags of a layout name, sorted by tag, then its untagged roots. `cid` is left undefined: whoever knows the
 * source fills it in.
 *
 * @throws what the reader throws
 */
export async function inspectImages(
  index: LayoutIndex,
  reader: ManifestReader,
  options: Options,
): Promise<InspectedImage[]> {
  const candidates = candidatesIn(index.descriptors)
  const tagged = await taggedImages(candidates, reader, options)
  const known = distinctDigests(tagged.map(({ candidate }) => candidate))
  const { named, unnamed } = await findRoots(candidates, reader, { ...options, withUnnamed: true })
  const untagged = [...named, ...unnamed].filter(({ descriptor }) => !known.has(descriptor.digest))

  const listed = [...tagged, ...untagged.map((candidate) => ({ tag: undefined, candidate }))]
  const contents = new Contents(reader, options.signal)
  await contents.load(listed.map(({ candidate }) => candidate.descriptor))
  return listed.map(({ tag, candidate: { descriptor } }) => ({
    tag,
    digest: descriptor.digest,
    mediaType: contents.mediaTypeOf(descriptor),
    cid: undefined,
    platforms: contents.platformsOf(descriptor),
  }))
}

/**
 * The images for single platforms below an image, or the image itself; none where the layout lacks it.
 *
 * @throws what the reader throws
 */
export async function platformsOf(
  image: Descriptor,
  reader: ManifestReader,
  { signal }: Options,
): Promise<InspectedPlatform[]> {
  const contents = new Contents(reader, signal)
  await contents.load([image])
  return contents.platformsOf(image)
}

async function taggedImages(
  candidates: readonly Candidate[],
  reader: ManifestReader,
  options: Options,
): Promise<{ tag: string; candidate: Candidate }[]> {
  const byTag = new Map<string, Candidate[]>()
  for (const candidate of await withMediaTypes(candidates, reader, options)) {
    const { tag } = candidate.name
    if (tag === undefined) continue
    const same = byTag.get(tag)
    if (same === undefined) byTag.set(tag, [candidate])
    else same.push(candidate)
  }
  return [...byTag]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([tag, same]) => {
      const named = bestMatch(same, tag, '')
      const others = same.filter(
        ({ name, descriptor }) =>
          name.repository !== undefined && descriptor.digest !== named?.descriptor.digest,
      )
      return [
        ...(named === undefined ? [] : [{ tag, candidate: named }]),
        ...others.map((candidate) => ({ tag: `${candidate.name.repository}:${tag}`, candidate })),
      ]
    })
}

/** Manifests and platforms below the images of a layout. */
class Contents {
  readonly #reader: ManifestReader
  readonly #signal: AbortSignal
  readonly #manifests = new Map<Digest, Manifest>()
  /** By digest of the config. */
  readonly #platforms = new Map<Digest, string>()

  constructor(reader: ManifestReader, signal: AbortSignal) {
    this.#reader = reader
    this.#signal = signal
  }

  async load(images: readonly Descriptor[]): Promise<void> {
    const options = { signal: this.#signal }
    const configs: Descriptor[] = []
    let level: readonly Descriptor[] = images
    for (let depth = 0; depth < MAX_INDEX_DEPTH && level.length > 0; depth++) {
      const unread = distinct(level).filter(({ digest }) => !this.#manifests.has(digest))
      const batch = unread.slice(0, Math.max(0, MAX_READ - this.#manifests.size))
      await visitManifests(
        this.#reader,
        batch,
        ({ digest }, manifest) => this.#manifests.set(digest, manifest),
        options,
      )
      for (const { digest, platform } of batch) {
        const manifest = this.#manifests.get(digest)
        const config = manifest?.kind === 'image' ? manifest.config : undefined
        if (config !== undefined && isImageConfig(config) && formatPlatform(platform) === undefined) {
          configs.push(config)
        }
      }
      level = distinct(batch.flatMap(({ digest }) => this.#runnableChildren(digest)))
    }
    await visitBlobs(
      this.#reader,
      configs,
      ({ digest }, bytes) => {
        const platform = formatPlatform(parseJsonObject(bytes))
        if (platform !== undefined) this.#platforms.set(digest, platform)
      },
      options,
    )
  }

  mediaTypeOf({ digest, mediaType }: Descriptor): string {
    return this.#manifests.get(digest)?.mediaType ?? mediaType
  }

  platformsOf(image: Descriptor): InspectedPlatform[] {
    if (!this.#manifests.has(image.digest)) return []
    const platforms: InspectedPlatform[] = []
    let level: readonly Descriptor[] = [image]
    for (let depth = 0; depth <= MAX_INDEX_DEPTH && level.length > 0; depth++) {
      const indexes: Descriptor[] = []
      for (const descriptor of level) {
        const manifest = this.#manifests.get(descriptor.digest)
        if (manifest?.kind === 'index') indexes.push(descriptor)
        else platforms.push(this.#platformOf(descriptor, manifest))
      }
      level = distinct(indexes).flatMap(({ digest }) => this.#runnableChildren(digest))
    }
    return platforms.slice(0, MAX_PLATFORMS)
  }

  #platformOf(descriptor: Descriptor, manifest: ImageManifest | undefined): InspectedPlatform {
    const platform = formatPlatform(descriptor.platform) ?? this.#platformOfConfig(manifest) ?? 'unknown'
    return { platform, digest: descriptor.digest, ...sizeOf(manifest) }
  }

  #runnableChildren(digest: Digest): readonly Descriptor[] {
    const manifest = this.#manifests.get(digest)
    return manifest?.kind === 'index'
      ? manifest.manifests.filter(({ platform }) => !isUnknownPlatform(platform))
      : []
  }

  #platformOfConfig(manifest: ImageManifest | undefined): string | undefined {
    return manifest?.config === undefined ? undefined : this.#platforms.get(manifest.config.digest)
  }
}

/** Configs of other artifacts say nothing of platforms. */
function isImageConfig({ mediaType }: Descriptor): boolean {
  return (
    mediaType === 'application/vnd.oci.image.config.v1+json' ||
    mediaType === 'application/vnd.docker.container.image.v1+json'
  )
}

function sizeOf(manifest: ImageManifest | undefined): { size: number; layers: number } {
  if (manifest === undefined) return { size: 0, layers: 0 }
  const layerBytes = manifest.layers.reduce((sum, { size }) => sum + size, 0)
  return { size: (manifest.config?.size ?? 0) + layerBytes, layers: manifest.layers.length }
}

function distinct(descriptors: readonly Descriptor[]): Descriptor[] {
  return [...new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor])).values()]
}
