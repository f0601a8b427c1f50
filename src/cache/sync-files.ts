import { open } from 'node:fs/promises'

/** Files or folders written through to the disk at once. */
const SYNCS = 16

/** Resolves when the disk has what was written to these files, or the names in these folders. */
export async function syncFiles(paths: readonly string[]): Promise<void> {
  const waiting = paths.values()
  const syncNext = async (): Promise<void> => {
    for (const path of waiting) {
      const handle = await open(path, 'r')
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(SYNCS, paths.length) }, syncNext))
}
