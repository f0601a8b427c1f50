/** What `ipfs-registry inspect` tells about a layout. */
export interface Inspection {
  /** As asked for. */
  readonly path: string
  /** `/ipfs/<cid>/<path…>` of the layout. */
  readonly layout: string
  /** What each tag names, then untagged roots (`tag` undefined). */
  readonly images: readonly InspectedImage[]
  /** Set when the path holds no layout: names of what is there. */
  readonly entries?: readonly string[]
}

export interface InspectedImage {
  readonly tag: string | undefined
  readonly digest: string
  readonly mediaType: string
  /** CID of the manifest's file, where a source can tell. */
  readonly cid: string | undefined
  /** One for an image manifest, one per runnable child for an index. */
  readonly platforms: readonly InspectedPlatform[]
}

export interface InspectedPlatform {
  /** `linux/amd64`, `linux/arm/v7`; 'unknown' where neither index nor config tells. */
  readonly platform: string
  readonly digest: string
  /** Bytes of config and layers together. */
  readonly size: number
  readonly layers: number
}
