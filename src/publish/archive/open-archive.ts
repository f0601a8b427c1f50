import { Failure } from '../../errors.ts'
import { findLayouts } from '../check/find-layouts.ts'
import { baseName } from '../check/layout-paths.ts'
import type { SourceTree } from '../source-tree.ts'
import { readDockerArchive } from './docker-archive.ts'
import { layOut, withTag } from './image-entry.ts'
import type { ArchiveTree } from './image-entry.ts'
import { readOciArchive } from './oci-archive.ts'
import { readArchive } from './read-archive.ts'
import type { Archive, ArchiveOptions, ArchiveSource } from './read-archive.ts'

export interface OpenedArchive {
  readonly tree: ArchiveTree
  /** Remove what was written to read it. */
  readonly dispose: () => Promise<void>
}

/**
 * Read an archive of images, of either form, into layouts.
 *
 * @param name of the archive, for messages
 * @param tag for the archive's only image, when it names none
 * @throws Failure LAYOUT_INVALID
 */
export async function openArchive(
  source: ArchiveSource,
  name: string,
  tag: string | undefined,
  options: ArchiveOptions,
): Promise<OpenedArchive> {
  const archive = await readArchive(source, options)
  try {
    return { tree: await treeOf(archive, name, tag, options.signal), dispose: archive.dispose }
  } catch (error) {
    await archive.dispose()
    throw error
  }
}

async function treeOf(
  archive: Archive,
  name: string,
  tag: string | undefined,
  signal: AbortSignal,
): Promise<ArchiveTree> {
  const { files } = archive
  const nameOf = (path: string) => (path === '' ? name : `${path} in ${name}`)
  const hasLayout = [...files.keys()].some((path) => /^(?:index\.json|oci-layout)$/.test(baseName(path)))
  if (hasLayout) {
    const mayLackPlatforms = files.has('manifest.json')
    const tree: SourceTree = { nameOf, files, emptyDirectories: [], mayLackPlatforms }
    return readOciArchive(tree, findLayouts(tree), tag, signal)
  }
  if (files.has('manifest.json')) {
    const entries = await readDockerArchive(archive, nameOf, signal)
    return layOut(tag === undefined ? entries : withTag(entries, tag), nameOf)
  }
  const advice = files.has('repositories')
    ? 'it is from a Docker before 1.10; save it again with a newer one'
    : 'it has neither an index.json nor a manifest.json'
  throw new Failure('LAYOUT_INVALID', `${name} is not an archive of images: ${advice}`)
}
