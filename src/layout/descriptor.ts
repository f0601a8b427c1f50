import type { Digest } from '../reference/digest.ts'

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
