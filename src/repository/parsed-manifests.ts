import { LRUCache } from 'lru-cache'
import { parseManifest, type Manifest } from '../layout/manifest.ts'
import type { Digest } from '../reference/digest.ts'

/** Bytes of JSON whose parsed form is kept. */
const KEPT_BYTES = 8 * 1024 * 1024

/** Manifests parsed already, so that a warm request parses no JSON. */
export class ParsedManifests {
  private readonly parsed = new LRUCache<string, { manifest: Manifest | undefined }>({ maxSize: KEPT_BYTES })

  /** @param stated media type of the descriptor that led to it, which can decide what it is */
  get(digest: Digest, stated: string, bytes: Uint8Array): Manifest | undefined {
    const key = `${digest} ${stated}`
    let entry = this.parsed.get(key)
    if (entry === undefined) {
      entry = { manifest: parseManifest(bytes, stated) }
      this.parsed.set(key, entry, { size: 512 + key.length + bytes.length })
    }
    return entry.manifest
  }
}
