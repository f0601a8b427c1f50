import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { Failure } from '../errors.ts'
import { ARCHIVE_LIMITS } from './archive/limits.ts'
import type { ArchiveLimits } from './archive/limits.ts'
import { openArchive } from './archive/open-archive.ts'
import type { ArchiveSource } from './archive/read-archive.ts'
import { readFolder } from './folder-tree.ts'
import type { PublishRequest } from './publisher.ts'
import type { SourceTree } from './source-tree.ts'
import { unreadable } from './unreadable.ts'

/** What is to be published, ready to be checked. */
export interface OpenedInput {
  readonly tree: SourceTree
  /** Folder under the root where the request names none. */
  readonly defaultFolder: string
  /** How people call it. */
  readonly label: string
  /** Remove what was unpacked for it. */
  readonly dispose: () => Promise<void>
}

export interface InputOptions {
  /** Folder for archives that have to be unpacked. */
  readonly workDir: string
  readonly limits?: Partial<ArchiveLimits>
  /** Told how many bytes of an archive were read, and how many there are if that is known. */
  readonly onBytes: (count: number, total: number | undefined) => void
}

/**
 * Open a folder of layouts, or an archive.
 *
 * @throws Failure LAYOUT_INVALID when it can't be read or is none of these
 */
export async function openInput(request: PublishRequest, options: InputOptions): Promise<OpenedInput> {
  const { input } = request
  if (input.kind === 'stream') return openAsArchive(input, 'the archive', request, options)
  const found = await statOf(input.path)
  const label = basename(resolve(input.path))
  if (found.isFile()) {
    return openAsArchive({ path: input.path, size: found.size }, label, request, options)
  }
  if (found.isFIFO()) {
    // as a shell makes of `publish <(docker save …)`
    const stream = createReadStream(input.path, { signal: request.signal })
    return openAsArchive({ stream }, label, request, options)
  }
  if (!found.isDirectory()) {
    throw new Failure('LAYOUT_INVALID', `${input.path} is neither a file nor a folder`)
  }
  if (request.tag !== undefined) {
    throw new Failure('LAYOUT_INVALID', 'a tag can be given to an archive only: a layout has its own')
  }
  const tree = await readFolder(input.path, { mayLackPlatforms: false, signal: request.signal })
  return { tree, defaultFolder: '', label, dispose: async () => undefined }
}

async function openAsArchive(
  source: ArchiveSource,
  label: string,
  request: PublishRequest,
  options: InputOptions,
): Promise<OpenedInput> {
  const total = 'path' in source ? source.size : undefined
  const { tree, dispose } = await openArchive(source, label, request.tag, {
    workDir: options.workDir,
    limits: { ...ARCHIVE_LIMITS, ...options.limits },
    signal: request.signal,
    onBytes: (count) => options.onBytes(count, total),
  })
  return { tree, defaultFolder: tree.defaultFolder, label, dispose }
}

async function statOf(path: string) {
  try {
    return await stat(path)
  } catch (error) {
    throw unreadable(path, error)
  }
}
