import { mkdir, mkdtemp, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, messageOf } from '../../errors.ts'
import type { ByteRange } from '../../content/source.ts'
import { fileInHandle } from '../source-tree.ts'
import type { SourceFile } from '../source-tree.ts'

/** A file for what can be read only once. */
export interface Spool {
  /** @throws Failure STORE_FAILED, as when the disk is full */
  append(piece: Uint8Array): Promise<void>
  /** A part of what was, or will be, appended. */
  fileAt(range: ByteRange): SourceFile
  dispose(): Promise<void>
}

/**
 * Make a spool. Where the system allows it the file has no name from the first moment on, so that not even a
 * kill -9 leaves it behind.
 *
 * @throws Failure STORE_FAILED when nothing can be written in `workDir`
 */
export async function createSpool(workDir: string): Promise<Spool> {
  const failed = (error: unknown) => {
    const message = `the archive can't be unpacked in the work folder ${workDir}: ${messageOf(error)}`
    return new Failure('STORE_FAILED', message, { cause: error })
  }
  try {
    await mkdir(workDir, { recursive: true })
    const folder = await mkdtemp(join(workDir, 'archive-'))
    const remove = () => rm(folder, { recursive: true, force: true })
    const handle = await open(join(folder, 'content'), 'wx+')
    // Windows keeps the name of a file that is open
    await remove().catch(() => undefined)
    return {
      append: async (piece) => {
        try {
          for (let at = 0; at < piece.length;) at += (await handle.write(piece, at)).bytesWritten
        } catch (error) {
          throw failed(error)
        }
      },
      fileAt: (range) => fileInHandle(handle, range),
      dispose: async () => {
        await handle.close()
        await remove()
      },
    }
  } catch (error) {
    throw failed(error)
  }
}
