import { mkdir, open, opendir, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCodeOf } from '../errors.ts'
import { algorithmOf, encodedOf, isDigest, type Digest } from '../reference/digest.ts'

/** The files of blobs: `blobs/<algorithm>/<first two digits>/<encoded>` in a store's folder. */
export class BlobFiles {
  private readonly folder: string

  constructor(storeFolder: string) {
    this.folder = join(storeFolder, 'blobs')
  }

  folderOf(digest: Digest): string {
    return join(this.folder, algorithmOf(digest), encodedOf(digest).slice(0, 2))
  }

  pathOf(digest: Digest): string {
    return join(this.folderOf(digest), encodedOf(digest))
  }

  /** @throws the file system's error */
  open(digest: Digest): Promise<FileHandle> {
    return open(this.pathOf(digest), 'r')
  }

  async exists(digest: Digest): Promise<boolean> {
    try {
      await (await this.open(digest)).close()
      return true
    } catch {
      return false
    }
  }

  /** Room for a file that is to come. */
  async makeFolder(digest: Digest): Promise<void> {
    await mkdir(this.folderOf(digest), { recursive: true })
  }

  async remove(digest: Digest): Promise<void> {
    await rm(this.pathOf(digest), { force: true })
  }

  /** Every file that has the name of a blob, whether anybody knows of it or not. */
  async *all(): AsyncGenerator<Digest, void, undefined> {
    for await (const algorithm of namesIn(this.folder)) {
      for await (const start of namesIn(join(this.folder, algorithm))) {
        for await (const encoded of namesIn(join(this.folder, algorithm, start))) {
          const digest = `${algorithm}:${encoded}`
          if (isDigest(digest) && encoded.startsWith(start)) yield digest
        }
      }
    }
  }
}

async function* namesIn(folder: string): AsyncGenerator<string, void, undefined> {
  try {
    for await (const { name } of await opendir(folder)) yield name
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? '')) throw error
  }
}
