import type { Descriptor } from './descriptor.ts'
import { parseDescriptor } from './descriptor.ts'
import type { JsonObject } from './json-object.ts'
import { isJsonObject, parseJsonObject, stringOf, stringsOf } from './json-object.ts'
import { isIndexType, manifestMediaType } from './media-type.ts'

interface ManifestFields {
  /** To be served with; see {@link manifestMediaType}. */
  readonly mediaType: string
  readonly subject: Descriptor | undefined
  /** Its own `artifactType`; for an image manifest that has none, the media type of its config. */
  readonly artifactType: string | undefined
  readonly annotations: Readonly<Record<string, string>> | undefined
  /** What breaks the image-spec in it, such as `layers[2] is no descriptor`; what is broken is left out. */
  readonly problems: readonly string[]
}

/** An image manifest (image-spec, manifest.md; Docker schema 2). */
export interface ImageManifest extends ManifestFields {
  readonly kind: 'image'
  readonly config: Descriptor | undefined
  readonly layers: readonly Descriptor[]
}

/** An image index (image-spec, image-index.md) or Docker's manifest list. */
export interface ImageIndex extends ManifestFields {
  readonly kind: 'index'
  readonly manifests: readonly Descriptor[]
}

export type Manifest = ImageManifest | ImageIndex

/**
 * Parse a manifest or index, OCI or Docker.
 *
 * @param stated media type of the descriptor that led to it, '' where there is none
 * @returns undefined when it is neither
 */
export function parseManifest(bytes: Uint8Array, stated = ''): Manifest | undefined {
  const document = parseJsonObject(bytes)
  if (document === undefined) return undefined
  const mediaType = manifestMediaType(document, stated)
  if (mediaType === undefined) return undefined

  const problems: string[] = []
  const subject = document['subject'] === undefined ? undefined : descriptorIn(document, 'subject', problems)
  const annotations = stringsOf(document['annotations'])
  const artifactType = stringOf(document['artifactType']) || undefined
  const fields = { mediaType, subject, annotations, problems }

  if (isIndexType(mediaType)) {
    return {
      kind: 'index',
      ...fields,
      artifactType,
      manifests: descriptorsIn(document, 'manifests', problems),
    }
  }
  const config = descriptorIn(document, 'config', problems)
  return {
    kind: 'image',
    ...fields,
    artifactType: artifactType ?? configTypeOf(document),
    config,
    layers: descriptorsIn(document, 'layers', problems),
  }
}

/** The descriptors of what a manifest consists of: config and layers, or the manifests of an index. */
export function childrenOf(manifest: Manifest): readonly Descriptor[] {
  if (manifest.kind === 'index') return manifest.manifests
  return manifest.config === undefined ? manifest.layers : [manifest.config, ...manifest.layers]
}

function configTypeOf(document: JsonObject): string | undefined {
  const config = document['config']
  return isJsonObject(config) ? stringOf(config['mediaType']) || undefined : undefined
}

function descriptorIn(document: JsonObject, field: string, problems: string[]): Descriptor | undefined {
  const descriptor = parseDescriptor(document[field])
  if (descriptor === undefined) problems.push(`${field} is no descriptor`)
  return descriptor
}

function descriptorsIn(document: JsonObject, field: string, problems: string[]): Descriptor[] {
  const list = document[field]
  if (!Array.isArray(list)) {
    problems.push(`${field} is no list`)
    return []
  }
  const descriptors: Descriptor[] = []
  for (const [position, value] of list.entries()) {
    const descriptor = parseDescriptor(value)
    if (descriptor === undefined) problems.push(`${field}[${position}] is no descriptor`)
    else descriptors.push(descriptor)
  }
  return descriptors
}
