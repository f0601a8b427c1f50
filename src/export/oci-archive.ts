import { MEDIA_TYPE } from '../layout/descriptor.ts'
import type { Descriptor } from '../layout/descriptor.ts'
import { nameOf } from '../layout/entry-name.ts'
import { parseJsonObject } from '../layout/json-object.ts'
import { blobFiles } from './blob-files.ts'
import { blobsBelow } from './blobs-below.ts'
import { chooseForPlatform, chooseOne, entriesInScope } from './choose-images.ts'
import type { ImageArchive } from './image-archive.ts'
import type { LayoutSource } from './layout-source.ts'
import type { Wanted } from './reference.ts'
import { tarFileOf } from './tar.ts'

/** image-spec, image-layout.md, "oci-layout file". */
const LAYOUT_FILE = '{"imageLayoutVersion":"1.0.0"}'

/**
 * An image layout (image-spec, image-layout.md). A whole one keeps its index.json as it is and everything below it,
 * signatures and the like among it; one image comes alone, since podman and skopeo take an archive with several entries
 * only by their names.
 *
 * @throws Failure MANIFEST_UNKNOWN, BLOB_UNKNOWN for what is not there; CONTENT_*
 */
export async function ociArchive(
  wanted: Wanted,
  platform: string | undefined,
  source: LayoutSource,
  signal: AbortSignal,
): Promise<ImageArchive> {
  const entries = await entriesFor(wanted, platform, source, signal)
  const blobs = await blobsBelow(entries, source, signal)
  const index = isWhole(entries, source) ? source.index.bytes : indexOf(entries)
  return {
    files: [
      tarFileOf('oci-layout', LAYOUT_FILE),
      tarFileOf('index.json', index),
      ...blobFiles(blobs, source),
    ],
    images: entries.map((entry) => ({ name: nameOf(entry).tag, digest: entry.digest })),
  }
}

async function entriesFor(
  wanted: Wanted,
  platform: string | undefined,
  source: LayoutSource,
  signal: AbortSignal,
): Promise<Descriptor[]> {
  if (platform !== undefined) {
    return chooseForPlatform(wanted, platform, source, { strict: true, signal })
  }
  if (wanted.kind !== 'all') return [await chooseOne(wanted, source, signal)]
  return entriesInScope(source)
}

/** Whether these are all the entries of index.json, which may have some that are no descriptors. */
function isWhole(entries: readonly Descriptor[], { index }: LayoutSource): boolean {
  const listed = parseJsonObject(index.bytes)?.['manifests']
  if (!Array.isArray(listed) || listed.length !== entries.length) return false
  return entries.every((entry, at) => entry === index.descriptors[at])
}

function indexOf(entries: readonly Descriptor[]): string {
  const manifests = entries.map(({ mediaType, ...rest }) =>
    mediaType === '' ? rest : { mediaType, ...rest },
  )
  return JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests })
}
