import { algorithmOf, encodedOf } from '../../reference/digest.ts'
import type { Digest } from '../../reference/digest.ts'

const BLOB_PATH = /^(?:(.*)\/)?blobs\/([a-z0-9]+)\/([^/]+)$/

export interface BlobPath {
  /** Folder that `blobs` is in, '' for the root. */
  readonly folder: string
  readonly algorithm: string
  readonly encoded: string
}

/** Where a layout keeps a blob (image-spec, image-layout.md). */
export function blobPathOf(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${encodedOf(digest)}`
}

/** The parts of `…/blobs/<algorithm>/<encoded>`; undefined for any other path. */
export function parseBlobPath(path: string): BlobPath | undefined {
  const match = BLOB_PATH.exec(path)
  if (match === null) return undefined
  const [, folder = '', algorithm = '', encoded = ''] = match
  return { folder, algorithm, encoded }
}

/** The path without its last name; '' for a single name. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}

/** The last name of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
