import { statfs } from 'node:fs/promises'

/**
 * Bytes of the disk that blobs leave free, so that what is written down of them, and by others on that disk, has room.
 * LevelDB in particular is not to meet a full disk.
 */
const RESERVE = 64 * 1024 * 1024

/** @throws an error with the code ENOSPC when blobs should take no more of the disk that a folder is on */
export async function checkDiskRoom(folder: string, reserve = RESERVE): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize >= reserve) return
  const message = `No space left: less than ${Math.ceil(reserve / 1024 ** 2)} MiB are free`
  throw Object.assign(new Error(message), { code: 'ENOSPC' })
}
