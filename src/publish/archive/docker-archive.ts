import { createHash } from 'node:crypto'
import { Failure } from '../../errors.ts'
import { ANNOTATION } from '../../layout/annotation.ts'
import { MEDIA_TYPE } from '../../layout/descriptor.ts'
import type { Descriptor } from '../../layout/descriptor.ts'
import { splitFullName } from '../../layout/entry-name.ts'
import { isJsonObject, parseJsonObject } from '../../layout/json-object.ts'
import { digestOf } from '../../reference/digest.ts'
import type { Digest } from '../../reference/digest.ts'
import { baseName, blobPathOf } from '../check/layout-paths.ts'
import { MAX_INDEX_BYTES, MAX_MANIFEST_BYTES, readSmall } from '../check/read-small.ts'
import { fileInMemory } from '../source-tree.ts'
import type { SourceFile } from '../source-tree.ts'
import { compressionOf } from './decompress.ts'
import type { Compression } from './decompress.ts'
import { entryPath } from './entry-path.ts'
import type { ImageEntry } from './image-entry.ts'
import type { Archive, ArchiveFile } from './read-archive.ts'

const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar'
const LAYER_SUFFIX: Partial<Record<Compression, string>> = { none: '', gzip: '+gzip', zstd: '+zstd' }

/**
 * The images of an archive as `docker save` wrote it before Docker 25, and podman and skopeo still do
 * (`docker-archive`), with an OCI manifest for each. Config and layers stay what they are, byte for byte.
 *
 * @throws Failure LAYOUT_INVALID naming what is missing or damaged
 */
export async function readDockerArchive(
  archive: Archive,
  nameOf: (path: string) => string,
  signal: AbortSignal,
): Promise<ImageEntry[]> {
  const listed = await readManifest(archive, nameOf, signal)
  const entries: ImageEntry[] = []
  for (const [at, image] of listed.entries()) {
    const where = `${nameOf('manifest.json')}: [${at}]`
    entries.push(...(await entriesOf(archive, image, where, nameOf, signal)))
  }
  return entries.sort(byName)
}

/** One image of manifest.json. */
interface SavedImage {
  readonly config: string
  readonly layers: readonly string[]
  readonly tags: readonly string[]
}

async function readManifest(
  archive: Archive,
  nameOf: (path: string) => string,
  signal: AbortSignal,
): Promise<SavedImage[]> {
  const name = nameOf('manifest.json')
  const bytes = await readSmall(fileAt(archive, 'manifest.json', name), name, MAX_INDEX_BYTES, signal)
  const list = parseList(bytes)
  if (list === undefined || list.length === 0) {
    throw new Failure('LAYOUT_INVALID', `${name} is not a JSON list of images`)
  }
  return list.map((image: unknown, at) => {
    const config = isJsonObject(image) ? image['Config'] : undefined
    if (!isJsonObject(image) || typeof config !== 'string') {
      throw new Failure('LAYOUT_INVALID', `${name}: [${at}] has no Config`)
    }
    return { config, layers: textsOf(image['Layers']), tags: textsOf(image['RepoTags']) }
  })
}

function parseList(bytes: Buffer): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

async function entriesOf(
  archive: Archive,
  image: SavedImage,
  where: string,
  nameOf: (path: string) => string,
  signal: AbortSignal,
): Promise<ImageEntry[]> {
  const blobs = new Map<string, SourceFile>()
  const add = (file: SourceFile, digest: Digest, mediaType: string): Descriptor => {
    blobs.set(blobPathOf(digest), file)
    return { mediaType, digest, size: file.size }
  }
  const configFile = fileAt(
    archive,
    entryPath(image.config),
    `${nameOf(image.config)}, the Config of ${where},`,
  )
  checkConfigName(image.config, configFile, nameOf)
  const diffIds = diffIdsOf(
    await readSmall(configFile, nameOf(image.config), MAX_MANIFEST_BYTES, signal),
    nameOf(image.config),
  )
  if (diffIds.length !== image.layers.length) {
    const counts = `${image.layers.length} layers, and its config ${diffIds.length}`
    throw new Failure('LAYOUT_INVALID', `${where} has ${counts}`)
  }
  const config = add(configFile, configFile.digests[0], CONFIG_TYPE)
  const layers = image.layers.map((path, at) => {
    const file = fileAt(archive, entryPath(path), `${nameOf(path)}, Layers[${at}] of ${where},`)
    return add(file, file.digests[0], layerType(file, diffIds[at], nameOf(path)))
  })
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config, layers }),
  )
  const digest = digestOf('sha256', createHash('sha256').update(manifest).digest('hex'))
  const descriptor = { ...add(fileInMemory(manifest), digest, MEDIA_TYPE.ociManifest) }
  if (image.tags.length === 0) return [{ descriptor, repository: undefined, tag: undefined, blobs }]
  return image.tags.map((name) => {
    const { repository, fullTag: tag } = splitFullName(name)
    if (tag === undefined) return { descriptor, repository, tag, blobs }
    return {
      descriptor: { ...descriptor, annotations: { [ANNOTATION.refName]: tag } },
      repository,
      tag,
      blobs,
    }
  })
}

/** Docker and podman name the config by its digest. */
function checkConfigName(path: string, file: ArchiveFile, nameOf: (path: string) => string): void {
  const named = /^([0-9a-f]{64})(?:\.json)?$/.exec(baseName(path))?.[1]
  if (named !== undefined && file.digests[0] !== `sha256:${named}`) {
    const message = `${nameOf(path)} is damaged: the digest of its bytes is ${file.digests[0]}`
    throw new Failure('LAYOUT_INVALID', message)
  }
}

function diffIdsOf(config: Uint8Array, name: string): string[] {
  const rootfs = parseJsonObject(config)?.['rootfs']
  const diffIds = isJsonObject(rootfs) ? rootfs['diff_ids'] : undefined
  if (!isJsonObject(rootfs) || (diffIds !== undefined && diffIds !== null && !Array.isArray(diffIds))) {
    throw new Failure('LAYOUT_INVALID', `${name} is not the JSON of an image's config`)
  }
  return textsOf(diffIds)
}

/** The layer's type by its first bytes. A layer that is not compressed must be what the config says it is. */
function layerType(file: ArchiveFile, diffId: string | undefined, name: string): string {
  const compression = compressionOf(file.head)
  const suffix = LAYER_SUFFIX[compression]
  if (suffix === undefined) {
    throw new Failure('LAYOUT_INVALID', `${name} is compressed with ${compression}, which no layer may be`)
  }
  if (compression === 'none' && file.digests[0] !== diffId) {
    const message = `${name} is damaged: the digest of its bytes is ${file.digests[0]}, its image has ${diffId}`
    throw new Failure('LAYOUT_INVALID', message)
  }
  return LAYER_TYPE + suffix
}

function fileAt(archive: Archive, path: string, name: string): ArchiveFile {
  const file = archive.files.get(path)
  if (file === undefined) throw new Failure('LAYOUT_INVALID', `${name} is missing`)
  return file
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}

/** The order of an archive is that of the command line that made it: it should not matter. */
function byName(a: ImageEntry, b: ImageEntry): number {
  const [left, right] = [keyOf(a), keyOf(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

function keyOf({ repository = '', tag = '', descriptor }: ImageEntry): string {
  return [repository, tag, String(descriptor['digest'])].join('\n')
}
