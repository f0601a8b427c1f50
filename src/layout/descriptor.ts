import type { Digest } from '../reference/digest.ts'
import { isDigest } from '../reference/digest.ts'
import { isJsonObject, type JsonObject, stringOf, stringsOf } from './json-object.ts'

/** An OCI content descriptor (image-spec, descriptor.md), as far as a registry needs it. */
export interface Descriptor {
  /** '' where the writer left it out. */
  readonly mediaType: string
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly platform?: Readonly<Record<string, unknown>>
}

export const MEDIA_TYPE = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
} as const

/**
 * Read a descriptor out of parsed JSON.
 *
 * @returns undefined when it has no digest of a known algorithm or no size
 */
export function parseDescriptor(value: unknown): Descriptor | undefined {
  if (!isJsonObject(value)) return undefined
  const { digest, size, platform } = value
  if (typeof digest !== 'string' || !isDigest(digest)) return undefined
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined
  const artifactType = stringOf(value['artifactType'])
  const annotations = stringsOf(value['annotations'])
  return {
    mediaType: stringOf(value['mediaType']) ?? '',
    digest,
    size,
    ...(artifactType === undefined || artifactType === '' ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(isJsonObject(platform) ? { platform: textsOf(platform) } : {}),
  }
}

/** Texts and lists of them, as all of a platform is (image-index.md): other things may be too deep to be written again. */
function textsOf(platform: JsonObject): JsonObject {
  const isText = (value: unknown): boolean => [value].flat().every((one) => typeof one === 'string')
  return Object.fromEntries(Object.entries(platform).filter(([, value]) => isText(value)))
}
