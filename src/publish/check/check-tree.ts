import { createHash } from 'node:crypto'
import { Failure } from '../../errors.ts'
import { algorithmOf, digestOf, isDigest } from '../../reference/digest.ts'
import type { Digest } from '../../reference/digest.ts'
import type { SourceFile, SourceTree } from '../source-tree.ts'
import { checkLayout, damaged } from './check-layout.ts'
import type { CheckedLayout, ReadFiles } from './check-layout.ts'
import { findLayouts } from './find-layouts.ts'
import { parseBlobPath } from './layout-paths.ts'

export interface CheckedTree {
  readonly layouts: readonly CheckedLayout[]
  /** Digest of each blob by its path, as its name says and its bytes are. */
  readonly digests: ReadonlyMap<string, Digest>
  /** sha256 of index.json and oci-layout files by path, as they were when they were checked. */
  readonly documents: ReadonlyMap<string, Digest>
}

/**
 * Check all that is to be published, before any of it is written: first that each layout hangs together, which is
 * quick, then that every blob is what its name says.
 *
 * @param onBytes told how many bytes of blobs were hashed
 * @throws Failure LAYOUT_INVALID naming the bad file
 */
export async function checkTree(
  tree: SourceTree,
  options: { signal: AbortSignal; onBytes?: (count: number) => void },
): Promise<CheckedTree> {
  const read: ReadFiles = new Map()
  const layouts: CheckedLayout[] = []
  for (const path of findLayouts(tree)) layouts.push(await checkLayout(tree, path, read, options.signal))

  const digests = new Map<string, Digest>()
  for (const { path, file, digest } of namedBlobs(tree)) {
    if (file.digests?.includes(digest) === true) options.onBytes?.(file.size)
    else await checkBlob(tree.nameOf(path), file, digest, options)
    digests.set(path, digest)
  }
  const documents = new Map([...read].filter(([path]) => !digests.has(path)))
  return { layouts, digests, documents }
}

/** Bytes that {@link checkTree} will hash. */
export function bytesToCheck(tree: SourceTree): number {
  let bytes = 0
  for (const [path, file] of tree.files) if (isKnownBlob(path)) bytes += file.size
  return bytes
}

function isKnownBlob(path: string): boolean {
  const algorithm = parseBlobPath(path)?.algorithm
  return algorithm === 'sha256' || algorithm === 'sha512'
}

function* namedBlobs(tree: SourceTree): Generator<{ path: string; file: SourceFile; digest: Digest }> {
  for (const [path, file] of tree.files) {
    const blob = parseBlobPath(path)
    if (blob === undefined || !isKnownBlob(path)) continue
    const digest = `${blob.algorithm}:${blob.encoded}`
    if (!isDigest(digest)) {
      throw new Failure(
        'LAYOUT_INVALID',
        `${tree.nameOf(path)} is among the blobs, but not named by a digest`,
      )
    }
    yield { path, file, digest }
  }
}

async function checkBlob(
  name: string,
  file: SourceFile,
  digest: Digest,
  options: { signal: AbortSignal; onBytes?: (count: number) => void },
): Promise<void> {
  const hash = createHash(algorithmOf(digest))
  for await (const piece of file.open(options.signal)) {
    hash.update(piece)
    options.onBytes?.(piece.length)
  }
  const actual = digestOf(algorithmOf(digest), hash.digest('hex'))
  if (actual !== digest) throw damaged(name, actual)
}
