import type { CID } from 'multiformats/cid'
import { isFailure } from '../errors.ts'
import { bytesToCheck, checkTree } from './check/check-tree.ts'
import { checkLayoutPath } from './layout-name.ts'
import { tagsOf } from './listed-tags.ts'
import { progressOf } from './progress.ts'
import type { PublishedLayout, PublishProgress, PublishResult } from './publisher.ts'
import { joinPath } from './source-tree.ts'
import type { SourceTree } from './source-tree.ts'
import { storeTree } from './store-tree.ts'
import type { PublishTarget } from './target.ts'

export interface TreeOptions {
  /** Folder under the root that the tree is put in, '' for the root itself. */
  readonly folder: string
  /** Name of the pin where there is no folder to name it. */
  readonly label: string
  readonly signal: AbortSignal
  readonly onProgress?: (progress: PublishProgress) => void
}

/**
 * Check a tree, store it and pin it.
 *
 * @throws Failure LAYOUT_INVALID naming the bad file, before anything is stored
 */
export async function publishTree(
  target: PublishTarget,
  tree: SourceTree,
  options: TreeOptions,
): Promise<PublishResult> {
  const { folder, signal, onProgress } = options
  const checking = progressOf('checking', onProgress)
  const toCheck = bytesToCheck(tree)
  const checked = await checkTree(tree, { signal, onBytes: (count) => checking(count, toCheck) })

  const layouts: PublishedLayout[] = []
  for (const layout of checked.layouts) {
    checkLayoutPath(layout.path, tree.nameOf(layout.path))
    layouts.push({ path: joinPath(folder, layout.path), tags: await tagsOf(tree, layout, signal) })
  }
  let bytes = 0
  for (const file of tree.files.values()) bytes += file.size

  const storeAndPin = async (): Promise<CID> => {
    const storing = progressOf('storing', onProgress)
    const onBytes = (count: number) => storing(count, bytes)
    const root = await storeTree(target, tree, checked, { folder, signal, onBytes })
    progressOf('pinning', onProgress)(0, undefined)
    await target.pin(root, { label: folder === '' ? options.label : folder, signal })
    return root
  }
  const root = await onceMoreWhenCollected(storeAndPin).finally(() => target.release?.())
  return { root: root.toString(), target: target.name, layouts, bytes }
}

/** Garbage collection may take what was stored before it was pinned. The files are all still here: store them again. */
async function onceMoreWhenCollected<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!isFailure(error, 'CONTENT_NOT_FOUND')) throw error
    return work()
  }
}
