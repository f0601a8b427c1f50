import type { CID } from 'multiformats/cid'
import { isFailure } from '../errors.ts'
import type { ArchiveLimits } from './archive/limits.ts'
import { bytesToCheck, checkTree } from './check/check-tree.ts'
import { openInput } from './input.ts'
import type { OpenedInput } from './input.ts'
import { folderForName } from './layout-name.ts'
import { tagsOf } from './listed-tags.ts'
import type {
  PublishedLayout,
  Publisher,
  PublishProgress,
  PublishRequest,
  PublishResult,
} from './publisher.ts'
import { joinPath } from './source-tree.ts'
import { storeTree } from './store-tree.ts'
import type { PublishTarget } from './target.ts'

export interface PublisherOptions {
  readonly target: PublishTarget
  /** Folder for archives that have to be unpacked; what is made in it is removed again. */
  readonly workDir: string
  /** What archives may take; the rest as in ARCHIVE_LIMITS. */
  readonly archiveLimits?: Partial<ArchiveLimits>
}

/** A {@link Publisher} that checks everything first, then stores it in `target` and pins it there. */
export function createPublisher(options: PublisherOptions): Publisher {
  return { publish: (request) => publish(options, request) }
}

async function publish(options: PublisherOptions, request: PublishRequest): Promise<PublishResult> {
  const name = request.name === undefined ? undefined : folderForName(request.name)
  const reading = progressOf(request, 'reading')
  const input = await openInput(request, {
    workDir: options.workDir,
    limits: options.archiveLimits ?? {},
    onBytes: reading,
  })
  try {
    return await publishInput(options.target, request, input, name ?? input.defaultFolder)
  } finally {
    await input.dispose()
  }
}

async function publishInput(
  target: PublishTarget,
  request: PublishRequest,
  { tree, label }: OpenedInput,
  folder: string,
): Promise<PublishResult> {
  const { signal } = request
  const checking = progressOf(request, 'checking')
  const toCheck = bytesToCheck(tree)
  const checked = await checkTree(tree, { signal, onBytes: (count) => checking(count, toCheck) })

  const layouts: PublishedLayout[] = []
  for (const layout of checked.layouts) {
    layouts.push({ path: joinPath(folder, layout.path), tags: await tagsOf(tree, layout, signal) })
  }
  let bytes = 0
  for (const file of tree.files.values()) bytes += file.size

  const storeAndPin = async (): Promise<CID> => {
    const storing = progressOf(request, 'storing')
    const onBytes = (count: number) => storing(count, bytes)
    const root = await storeTree(target, tree, checked, { folder, signal, onBytes })
    progressOf(request, 'pinning')(0, undefined)
    await target.pin(root, { label: folder === '' ? label : folder, signal })
    return root
  }
  const root = await onceMoreWhenCollected(storeAndPin)
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

type Step = PublishProgress['step']

/** Sums up the bytes of one step, and tells whoever asked. */
function progressOf(request: PublishRequest, step: Step): (count: number, total: number | undefined) => void {
  let doneBytes = 0
  return (count, totalBytes) => {
    doneBytes += count
    request.onProgress?.({ step, doneBytes, totalBytes })
  }
}
