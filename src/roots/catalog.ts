import { isReserved } from './repository-path.ts'
import type { TreePath, TreeView } from './root-tree.ts'

/** Names of the repositories of a root: of all folders in it that hold a layout. In no set order. */
export async function repositoriesIn(
  tree: Pick<TreeView, 'names'>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found: string[] = []
  const waiting: TreePath[] = [[]]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    signal.throwIfAborted()
    const names = await tree.names(path, signal)
    if (names === undefined) continue
    if (path.length > 0 && names.includes('index.json')) found.push(path.join('/'))
    for (const name of names) if (!isReserved(name)) waiting.push([...path, name])
  }
  return found
}
