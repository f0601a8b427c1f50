import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { Failure } from '../errors.ts'
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
  dispose(): Promise<void>
}

export interface InputOptions {
  /** Folder for archives that have to be unpacked. */
  readonly workDir: string
  /** Told how many bytes of an archive were read, and how many there are if that is known. */
  readonly onBytes: (count: number, total: number | undefined) => void
}

/**
 * Open a folder of layouts, or an archive.
 *
 * @throws Failure LAYOUT_INVALID when it can't be read or is none of these
 */
export async function openInput(request: PublishRequest, _options: InputOptions): Promise<OpenedInput> {
  const { input, signal } = request
  if (input.kind === 'stream') throw new Failure('LAYOUT_INVALID', 'archives are not read yet')
  const kind = await kindOf(input.path)
  if (kind === 'file') throw new Failure('LAYOUT_INVALID', 'archives are not read yet')
  if (request.tag !== undefined) {
    throw new Failure('LAYOUT_INVALID', 'a tag can be given to an archive only: a layout has its own')
  }
  return {
    tree: await readFolder(input.path, { mayLackPlatforms: false, signal }),
    defaultFolder: '',
    label: basename(resolve(input.path)),
    dispose: async () => undefined,
  }
}

async function kindOf(path: string): Promise<'file' | 'directory'> {
  let found
  try {
    found = await stat(path)
  } catch (error) {
    throw unreadable(path, error)
  }
  if (found.isDirectory()) return 'directory'
  if (found.isFile()) return 'file'
  throw new Failure('LAYOUT_INVALID', `${path} is neither a file nor a folder`)
}
