import type { InspectedImage } from '../layout/inspect.ts'

export type { InspectedImage, InspectedPlatform } from '../layout/inspect.ts'

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
