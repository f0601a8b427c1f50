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

/** Bytes read for one question; real layouts need a few MiB at most. */
const MAX_TOTAL_SIZE = 16 * 1024 * 1024

/** How deep indexes in indexes are followed. */
export const MAX_INDEX_DEPTH = 4

/** Reads at one time for one caller. */
const CONCURRENCY = 8

/**
 * Read several manifests, each digest once, some at a time, and show each to `visit` with its size in bytes, in no set
 * order. Passed over are those that the layout does not hold, those of another size than their descriptor says, what is
 * beyond the limits on size, and blobs that are no manifests.
 *
 * @throws whatever the reader throws, and the signal's reason
 */
export async function visitManifests(
  reader: ManifestReader,
  descriptors: Iterable<Descriptor>,
  visit: (descriptor: Descriptor, manifest: Manifest, size: number) => void,
  options: { signal: AbortSignal },
): Promise<void> {
  const visitBytes = (descriptor: Descriptor, bytes: Uint8Array): void => {
    const manifest = parseManifest(bytes, descriptor.mediaType)
    if (manifest !== undefined) visit(descriptor, manifest, bytes.length)
  }
  await visitBlobs(reader, descriptors, visitBytes, options)
}

/** As {@link visitManifests}, for small blobs of any kind. */
export async function visitBlobs(
  reader: ManifestReader,
  descriptors: Iterable<Descriptor>,
  visit: (descriptor: Descriptor, bytes: Uint8Array) => void,
  options: { signal: AbortSignal },
): Promise<void> {
  const queue = withinLimits(descriptors)
  const waiting = queue.values()
  // The first failure ends the reads of the others too.
  const abort = new AbortController()
  const signal = AbortSignal.any([options.signal, abort.signal])
  const readOn = async (): Promise<void> => {
    for (const descriptor of waiting) {
      signal.throwIfAborted()
      const bytes = await reader.read(descriptor, { signal })
      if (bytes?.length === descriptor.size) visit(descriptor, bytes)
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, queue.size) }, readOn))
  } catch (error) {
    abort.abort(error)
    throw error
  }
}

function withinLimits(descriptors: Iterable<Descriptor>): Map<Digest, Descriptor> {
  const queue = new Map<Digest, Descriptor>()
  let total = 0
  for (const descriptor of descriptors) {
    const { digest, size } = descriptor
    if (size > MAX_MANIFEST_SIZE || total + size > MAX_TOTAL_SIZE || queue.has(digest)) continue
    total += size
    queue.set(digest, descriptor)
  }
  return queue
}
