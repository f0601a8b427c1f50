import { Failure } from '../errors.ts'
import type { Descriptor } from '../layout/descriptor.ts'
import { nameOf } from '../layout/entry-name.ts'
import { isImageConfigType } from '../layout/media-type.ts'
import type { Digest } from '../reference/digest.ts'
import { blobFiles, blobPath } from './blob-files.ts'
import { blobsBelow, manifestOf } from './blobs-below.ts'
import { chooseForPlatform } from './choose-images.ts'
import type { ExportedImage } from './export.ts'
import type { ImageArchive } from './image-archive.ts'
import type { LayoutSource } from './layout-source.ts'
import type { Wanted } from './reference.ts'
import { tarFileOf } from './tar.ts'

/** `ghcr.io/team/app`, `localhost:5000/app`, `app` */
const NAME = /^(?:[A-Za-z0-9.-]+(?::\d+)?\/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/

/** One image in manifest.json, as `docker save` writes it. */
interface SavedImage {
  readonly Config: string
  readonly RepoTags: string[]
  readonly Layers: readonly string[]
}

export interface DockerArchiveOptions {
  readonly platform: string
  /** Whether images that are no index must be for that platform too. */
  readonly strict: boolean
  /** What the images are called, without tag; undefined where the path does not say and nobody else did. */
  readonly name: string | undefined
}

/**
 * An archive for `docker load`, podman and skopeo's `docker-archive:`: images for one platform, config and layers byte
 * for byte, so that the image has the ID that it always has. Compressed layers stay so: all three take them.
 *
 * @throws Failure MANIFEST_UNKNOWN, BLOB_UNKNOWN for what is not there or no container image; NAME_INVALID; CONTENT_*
 */
export async function dockerArchive(
  wanted: Wanted,
  { platform, strict, name }: DockerArchiveOptions,
  source: LayoutSource,
  signal: AbortSignal,
): Promise<ImageArchive> {
  const entries = await chooseForPlatform(wanted, platform, source, { strict, signal })
  const saved = new Map<Digest, SavedImage>()
  const images: ExportedImage[] = []
  for (const entry of entries) {
    const repoTag = repoTagOf(entry, name)
    images.push({ name: repoTag, digest: entry.digest })
    const image = saved.get(entry.digest) ?? (await savedImage(entry, source, signal))
    saved.set(entry.digest, image)
    if (repoTag !== undefined) image.RepoTags.push(repoTag)
  }
  const blobs = await blobsBelow(entries, source, signal)
  const files = blobFiles(
    blobs.filter(({ digest }) => !saved.has(digest)),
    source,
  )
  checkLayers([...saved.values()], new Set(files.map(({ path }) => path)), source)
  return { files: [tarFileOf('manifest.json', JSON.stringify([...saved.values()])), ...files], images }
}

async function savedImage(entry: Descriptor, source: LayoutSource, signal: AbortSignal): Promise<SavedImage> {
  const manifest = await manifestOf(entry, source, signal)
  const config = manifest?.kind === 'image' ? manifest.config : undefined
  if (manifest?.kind !== 'image' || config === undefined || !isImageConfigType(config.mediaType)) {
    const what = manifest?.artifactType ?? manifest?.mediaType ?? 'unknown'
    throw new Failure(
      'MANIFEST_UNKNOWN',
      `${entry.digest} in ${source.path} is no container image but ${what}, which no docker-archive can hold`,
    )
  }
  return {
    Config: blobPath(config.digest),
    RepoTags: [],
    Layers: manifest.layers.map(({ digest }) => blobPath(digest)),
  }
}

/** A layout may lack layers that must not be distributed; what loads such an archive can't do without. */
function checkLayers(saved: readonly SavedImage[], paths: ReadonlySet<string>, source: LayoutSource): void {
  const missing = saved.flatMap(({ Layers }) => Layers).find((path) => !paths.has(path))
  if (missing === undefined) return
  throw new Failure('BLOB_UNKNOWN', `${source.path} lacks ${missing}, a layer that may not be distributed`)
}

function repoTagOf(entry: Descriptor, name: string | undefined): string | undefined {
  const { tag } = nameOf(entry)
  if (tag === undefined) return undefined
  if (name === undefined) {
    throw new Failure(
      'NAME_INVALID',
      `the path does not say what the image "${tag}" is called: add --name NAME`,
    )
  }
  if (!NAME.test(name))
    throw new Failure('NAME_INVALID', `"${name.slice(0, 200)}" can't be the name of an image`)
  return `${name}:${tag}`
}
