import { MEDIA_TYPE } from './descriptor.ts'
import type { JsonObject } from './json-object.ts'
import { isJsonObject, stringOf } from './json-object.ts'

const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json'
const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json'

/** Whether it is the type of an image manifest: OCI, or Docker schema 2. */
export function isImageManifestType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPE.ociManifest || mediaType === MEDIA_TYPE.dockerManifest
}

/** Whether it is the type of an image index, or of Docker's manifest list. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPE.ociIndex || mediaType === MEDIA_TYPE.dockerList
}

/** Whether it is a type that a registry serves under `/manifests/`. */
export function isManifestType(mediaType: string): boolean {
  return isImageManifestType(mediaType) || isIndexType(mediaType)
}

/** Whether it is the type of an image's config, which crane also writes as the artifactType of images. */
export function isImageConfigType(mediaType: string): boolean {
  return mediaType === OCI_CONFIG || mediaType === DOCKER_CONFIG
}

/** Whether a layer of this type may be missing, because it may not be distributed (image-spec, layer.md). */
export function isNonDistributableType(mediaType: string): boolean {
  return mediaType.includes('.nondistributable.') || mediaType.includes('.foreign.')
}

/**
 * The media type to serve a manifest with: what its JSON says, else what the descriptor said that led to it, else by
 * structure.
 *
 * @param stated media type of that descriptor, '' where there is none
 * @returns undefined when the document is no manifest of schema 2
 */
export function manifestMediaType(document: JsonObject, stated: string): string | undefined {
  if (document['schemaVersion'] !== 2) return undefined
  const own = stringOf(document['mediaType'])
  if (own !== undefined && own !== '') return isManifestType(own) ? own : undefined
  const isIndex = Array.isArray(document['manifests'])
  const isImage = isJsonObject(document['config']) && Array.isArray(document['layers'])
  // A document that can be read as both would be one thing to us and another to a client (CVE-2021-41190).
  if (isIndex === isImage) return undefined
  if (isIndex) return isIndexType(stated) ? stated : MEDIA_TYPE.ociIndex
  if (isImageManifestType(stated)) return stated
  const config = document['config'] as JsonObject
  return config['mediaType'] === DOCKER_CONFIG ? MEDIA_TYPE.dockerManifest : MEDIA_TYPE.ociManifest
}
