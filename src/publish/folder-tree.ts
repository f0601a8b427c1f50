import { opendir, stat } from 'node:fs/promises'
import type { Dirent } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { fileOnDisk, joinPath } from './source-tree.ts'
import type { SourceFile, SourceTree } from './source-tree.ts'
import { unreadable } from './unreadable.ts'

/** Files and folders that one tree may have: a million blobs are about 300 MB of names in memory. */
const MAX_ENTRIES = 1_000_000

/**
 * The files below a folder, as `ipfs add -r` would take them: all of them but those whose name begins with a dot.
 * Where that command stores a symbolic link as one, this refuses it, because no registry could serve what it means.
 *
 * @throws Failure LAYOUT_INVALID naming what can't be published
 */
export async function readFolder(
  folder: string,
  options: { mayLackPlatforms: boolean; signal: AbortSignal },
): Promise<SourceTree> {
  const files = new Map<string, SourceFile>()
  const emptyDirectories: string[] = []
  const waiting = ['']
  let entries = 0
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    options.signal.throwIfAborted()
    const children = await visibleChildren(join(folder, path))
    if (children.length === 0 && path !== '') emptyDirectories.push(path)
    entries += children.length
    if (entries > MAX_ENTRIES) {
      throw new Failure('LAYOUT_INVALID', `${folder} holds more than ${MAX_ENTRIES} files and folders`)
    }
    for (const child of children) {
      const childPath = joinPath(path, child.name)
      if (child.isDirectory()) waiting.push(childPath)
      else files.set(childPath, await regularFile(folder, childPath, child))
    }
  }
  return {
    nameOf: (path) => join(folder, path),
    files,
    emptyDirectories,
    mayLackPlatforms: options.mayLackPlatforms,
  }
}

async function visibleChildren(directory: string): Promise<Dirent[]> {
  try {
    const children: Dirent[] = []
    for await (const child of await opendir(directory)) {
      if (!child.name.startsWith('.')) children.push(child)
    }
    return children.sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (error) {
    throw unreadable(directory, error)
  }
}

async function regularFile(folder: string, path: string, child: Dirent): Promise<SourceFile> {
  const whole = join(folder, path)
  if (child.isSymbolicLink()) {
    const advice = 'replace it by what it points at, for instance with `cp -rL`'
    throw new Failure('LAYOUT_INVALID', `${whole} is a symbolic link: ${advice}`)
  }
  if (!child.isFile()) throw new Failure('LAYOUT_INVALID', `${whole} is neither a file nor a folder`)
  try {
    return fileOnDisk(whole, { start: 0, end: (await stat(whole)).size })
  } catch (error) {
    throw unreadable(whole, error)
  }
}
