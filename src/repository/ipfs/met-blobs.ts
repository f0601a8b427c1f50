import { LRUCache } from 'lru-cache'
import type { Descriptor } from '../../layout/descriptor.ts'
import { childrenOf, type Manifest } from '../../layout/manifest.ts'
import { isManifestType } from '../../layout/media-type.ts'
import type { Digest } from '../../reference/digest.ts'
import { upTo } from '../../cache/up-to.ts'

/** What is kept of a descriptor, which may be as long as its manifest: whoever made it chose its annotations. */
export type MetBlob = Pick<Descriptor, 'mediaType' | 'digest' | 'size'>

/** Of all layouts together; each takes some 300 bytes. */
const KEPT = 100_000

/** Room for {@link MetBlobs}. */
export type MetBlobsRoom = LRUCache<string, MetBlob>

export function createMetBlobsRoom(): MetBlobsRoom {
  return new LRUCache(upTo(KEPT))
}

/** What was met in the manifests of a layout, for sizes, and for the media types of manifests. */
export class MetBlobs {
  readonly #room: MetBlobsRoom
  readonly #layout: string

  /** @param layout its key, which tells it from the others in the room */
  constructor(room: MetBlobsRoom, layout: string) {
    this.#room = room
    this.#layout = layout
  }

  get(digest: Digest): MetBlob | undefined {
    return this.#room.get(this.#keyOf(digest))
  }

  /** Note what a manifest consists of. */
  add(manifest: Manifest): void {
    for (const { mediaType, digest, size } of childrenOf(manifest)) {
      const key = this.#keyOf(digest)
      const kind = isManifestType(mediaType) ? mediaType : ''
      if (!this.#room.has(key)) this.#room.set(key, { mediaType: kind, digest, size })
    }
  }

  #keyOf(digest: Digest): string {
    return `${this.#layout} ${digest}`
  }
}
