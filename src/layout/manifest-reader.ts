import type { Digest } from '../reference/digest.ts'
import type { Descriptor } from './descriptor.ts'
import type { Manifest } from './manifest.ts'
import { parseManifest } from './manifest.ts'

/** Reads manifests and configs of one layout, held to their digests. */
export interface ManifestReader {
  /** @returns undefined when the layout does not hold the blob */
  read(descriptor: Descriptor, options: { signal: AbortSignal }): Promise<Uint8Array | undefined>
}

/** Bytes; no client takes a manifest that is larger, so nothing larger is read to see whether it is one. */
export const MAX_MANIFEST_SIZE = 8 * 1024 * 1024

/** Reads at one time for one caller. */
const CONCURRENCY = 8

/**
 * Read several manifests, each digest once, some at a time, and show each to `visit` with its size in bytes, in no set order. Passed over
 * are those that the layout does not hold, and blobs that are no manifests.
 *
 * @throws whatever the reader throws, and the signal's reason
 */
export async function visitManifests(
  reader: ManifestReader,
  descriptors: Iterable<Descriptor>,
  visit: (descriptor: Descriptor, manifest: Manifest, size: number) => void,
  options: { signal: AbortSignal },
): Promise<void> {
  const queue = new Map<Digest, Descriptor>()
  for (const descriptor of descriptors) {
    if (descriptor.size <= MAX_MANIFEST_SIZE && !queue.has(descriptor.digest)) {
      queue.set(descriptor.digest, descriptor)
    }
  }
  const waiting = queue.values()
  // The first failure ends the reads of the others too.
  const abort = new AbortController()
  const signal = AbortSignal.any([options.signal, abort.signal])
  const readOn = async (): Promise<void> => {
    for (const descriptor of waiting) {
      signal.throwIfAborted()
      const bytes = await reader.read(descriptor, { signal })
      if (bytes === undefined) continue
      const manifest = parseManifest(bytes, descriptor.mediaType)
      if (manifest !== undefined) visit(descriptor, manifest, bytes.length)
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, queue.size) }, readOn))
  } catch (error) {
    abort.abort(error)
    throw error
  }
}
