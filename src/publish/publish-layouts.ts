import type { ArchiveLimits } from './archive/limits.ts'
import { openInput } from './input.ts'
import { folderForName } from './layout-name.ts'
import { progressOf } from './progress.ts'
import { publishTree } from './publish-tree.ts'
import type { Publisher, PublishRequest, PublishResult } from './publisher.ts'
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
  const { signal, onProgress } = request
  const name = request.name === undefined ? undefined : folderForName(request.name)
  const { tree, defaultFolder, label, dispose } = await openInput(request, {
    workDir: options.workDir,
    limits: options.archiveLimits ?? {},
    onBytes: progressOf('reading', onProgress),
  })
  try {
    const folder = name ?? defaultFolder
    const tellTo = onProgress === undefined ? {} : { onProgress }
    return await publishTree(options.target, tree, { folder, label, signal, ...tellTo })
  } finally {
    await dispose()
  }
}
