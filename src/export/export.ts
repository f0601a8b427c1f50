/** `oci` is a folder, the others are streams of bytes. */
export const EXPORT_FORMATS = ['car', 'oci', 'oci-archive', 'docker-archive'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

export interface ExportRequest {
  /** `/ipfs/<cid>/<path>` or `/ipns/<name>/<path>`; with `:<tag>` or `@<digest>` behind it that image alone. */
  readonly path: string
  readonly format: ExportFormat
  /** `linux/arm64`, `linux/arm/v7`: of images for many platforms that one alone. */
  readonly platform?: string
  /** What the images in a docker-archive are called; the last component of the path by default. */
  readonly name?: string
}

export interface ExportedImage {
  /** Tag, or in a docker-archive `name:tag`; undefined for an image that has none. */
  readonly name: string | undefined
  /** Of its manifest or index. */
  readonly digest: string
}

/** What is known of an export before its first byte. */
export interface ExportSummary {
  /** `/ipfs/<cid>/<path…>`: what the path led to. */
  readonly source: string
  /** CID of the CAR's root; undefined in other formats. */
  readonly root?: string
  /** Images of the layout or archive; undefined in a CAR. */
  readonly images?: readonly ExportedImage[]
  /** Bytes of the whole stream, where they can be told beforehand. */
  readonly size: number | undefined
}

/** Ready to be written; nothing of the content has been read but manifests. */
export interface OpenedExport {
  readonly summary: ExportSummary
  /**
   * The CAR or tar archive; for `oci` the archive to be unpacked. A piece is valid until the next is asked for. A body
   * that can't be completed throws, and what came before is then not a whole CAR or archive to any reader.
   *
   * @throws Failure CONTENT_*, BLOB_UNKNOWN, STORE_FAILED
   */
  readonly body: AsyncIterable<Uint8Array>
}

export interface ExportProgress {
  readonly step: 'exporting'
  readonly doneBytes: number
  /** Undefined while unknown, as for a CAR. */
  readonly totalBytes: number | undefined
}
