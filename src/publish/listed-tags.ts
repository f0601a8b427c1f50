import { parseIndex } from '../layout/image-index.ts'
import type { Descriptor } from '../layout/descriptor.ts'
import { listTags } from '../layout/tags.ts'
import type { CheckedLayout } from './check/check-layout.ts'
import { MAX_MANIFEST_BYTES, readSmall } from './check/read-small.ts'
import type { SourceTree } from './source-tree.ts'

/** The tags that a layout will be served with: the gateway's own rules, over the files as they are here. */
export function tagsOf(tree: SourceTree, layout: CheckedLayout, signal: AbortSignal): Promise<string[]> {
  const read = async ({ digest }: Descriptor) => {
    const path = layout.blobs.get(digest)
    const file = path === undefined ? undefined : tree.files.get(path)
    if (path === undefined || file === undefined || file.size > MAX_MANIFEST_BYTES) return undefined
    return readSmall(file, tree.nameOf(path), MAX_MANIFEST_BYTES, signal)
  }
  return listTags(parseIndex(layout.index), '', { read }, { signal })
}
