import { Failure } from '../errors.ts'
import type { Descriptor } from '../layout/descriptor.ts'
import { algorithmOf, encodedOf } from '../reference/digest.ts'
import type { Digest } from '../reference/digest.ts'
import type { LayoutSource } from './layout-source.ts'
import type { TarFile } from './tar.ts'

/** Where a layout keeps a blob (image-spec, image-layout.md), and Docker's archives since version 25 as well. */
export function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${encodedOf(digest)}`
}

/** Blobs as files of an archive; each is fetched, and held to its digest, when it is opened. */
export function blobFiles(blobs: readonly Descriptor[], source: LayoutSource): TarFile[] {
  return blobs.map(({ digest, size }) => ({
    path: blobPath(digest),
    size,
    open: (signal) => read(digest, source, signal),
  }))
}

async function* read(digest: Digest, source: LayoutSource, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    const blob = await source.blob(digest, 'whole', signal)
    yield* (await blob.open(undefined, signal)).pieces
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof Failure)) throw error
    // The message of a fetch says what went wrong, not always with what.
    if (error.message.includes(digest)) throw error
    throw new Failure(error.code, `${digest}: ${error.message}`, { detail: error.detail, cause: error })
  }
}
