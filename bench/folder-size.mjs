import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** What the files of a folder take: their bytes (`size`), and the disk's blocks of them in bytes (`disk`). */
export async function folderSize(folder) {
  let [size, disk] = [0, 0]
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const found = await lstat(join(entry.parentPath, entry.name))
    size += found.size
    disk += found.blocks * 512
  }
  return { size, disk }
}
