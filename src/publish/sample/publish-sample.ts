import { publishTree } from '../publish-tree.ts'
import type { PublishResult } from '../publisher.ts'
import { fileInMemory } from '../source-tree.ts'
import type { SourceFile } from '../source-tree.ts'
import type { PublishTarget } from '../target.ts'
import { sampleFiles } from './sample-image.ts'

/** Publish the sample image. */
export async function publishSample(target: PublishTarget, signal: AbortSignal): Promise<PublishResult> {
  const files = new Map<string, SourceFile>()
  for (const [path, bytes] of await sampleFiles()) files.set(path, fileInMemory(bytes))
  const tree = {
    nameOf: (path: string) => `${path} of the sample`,
    files,
    emptyDirectories: [],
    mayLackPlatforms: false,
  }
  return publishTree(target, tree, { folder: '', label: 'sample', signal })
}
