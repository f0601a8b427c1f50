import { isMarked, unmarked } from './marked-blocks.ts'
import type { FileChange, FileReader } from './runtime.ts'

/** Take out of files what was added to them; those without anything are left out. */
export async function withoutOurs(files: FileReader, paths: readonly string[]): Promise<FileChange[]> {
  const changes: FileChange[] = []
  for (const path of paths) {
    const before = await files.read(path)
    if (before === undefined || !isMarked(before)) continue
    const own = unmarked(path, before)
    changes.push({ path, before, after: own, own })
  }
  return changes
}
