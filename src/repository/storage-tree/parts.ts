import type { BlobCache } from '../../cache/blob-cache.ts'
import type { ContentSource } from '../../content/source.ts'
import type { StorageTreeParts } from './storage-tree-repository.ts'
import { StorageTrees } from './storage-trees.ts'
import { TreeBlobs } from './tree-blobs.ts'
import { TreeLinks } from './tree-links.ts'
import { TreeLists } from './tree-lists.ts'

/** @param options `lingerMs` that a look goes on after everyone's time was up; `access`: what tells these sources from others */
export function storageTreeParts(
  content: ContentSource,
  cache: BlobCache,
  { lingerMs, access = '' }: { lingerMs: number; access?: string },
): StorageTreeParts {
  const links = new TreeLinks(content, lingerMs)
  return {
    content,
    trees: new StorageTrees(content, lingerMs),
    links,
    lists: new TreeLists(content, lingerMs),
    blobs: new TreeBlobs(content, cache, links, access),
  }
}
