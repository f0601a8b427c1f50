import type { ContentPath } from './source.ts'

/** Names of blobs in an image layout: hexadecimal digests. */
const DIGEST = /^([0-9a-f]{64}|[0-9a-f]{128})$/

/** Whether a path is that of a blob, which is held to the digest it is named by, and kept by whoever reads it. */
export function namesBlob(path: ContentPath): boolean {
  return DIGEST.test(path.segments.at(-1) ?? '')
}
