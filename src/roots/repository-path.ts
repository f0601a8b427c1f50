import { Failure } from '../errors.ts'
import { algorithmOf, encodedOf, type Digest } from '../reference/digest.ts'
import type { TreePath } from './root-tree.ts'

/** Names that a layout has for itself (image-spec, image-layout.md), so that no repository below it may have them. */
const RESERVED = new Set(['blobs', 'index.json', 'oci-layout'])

/** Whether a repository of this name would lie inside of another one's layout. */
export function isReserved(repository: string): boolean {
  return repository.split('/').some((name) => RESERVED.has(name))
}

/** The folder of a repository in its root. @throws Failure NAME_INVALID for a name that is part of a layout */
export function folderOf(repository: string): TreePath {
  if (isReserved(repository)) {
    const names = [...RESERVED].join(', ')
    throw new Failure('NAME_INVALID', `"${repository}" can't be pushed to: no part of it may be ${names}`)
  }
  return repository.split('/')
}

/** Where a layout has a blob. */
export function blobPath(folder: TreePath, digest: Digest): TreePath {
  return [...folder, 'blobs', algorithmOf(digest), encodedOf(digest)]
}
