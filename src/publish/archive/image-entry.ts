import { ANNOTATION } from '../../layout/annotation.ts'
import type { JsonObject } from '../../layout/json-object.ts'
import { MEDIA_TYPE } from '../../layout/descriptor.ts'
import { Failure } from '../../errors.ts'
import { isTag } from '../../reference/tag.ts'
import { fileInMemory, joinPath } from '../source-tree.ts'
import type { SourceFile, SourceTree } from '../source-tree.ts'
import { repositoryFolders } from './repository-folders.ts'

/** One entry of an index.json to be written, and what comes with it. */
export interface ImageEntry {
  /** The descriptor as it will stand there. */
  readonly descriptor: JsonObject
  /** Full name of the repository that the archive gives it; undefined where it gives none. */
  readonly repository: string | undefined
  /** Undefined where the archive gives none. */
  readonly tag: string | undefined
  /** Path in the layout, `blobs/…` → content, of all that it needs. */
  readonly blobs: ReadonlyMap<string, SourceFile>
}

export interface ArchiveTree extends SourceTree {
  /** Where the tree belongs under the root unless a name is given: the repository's, when there is one. */
  readonly defaultFolder: string
}

/**
 * Give the archive's only image the tag that the request has, unless it has it already.
 *
 * @throws Failure LAYOUT_INVALID when there are several, or it has one; NAME_INVALID for what is no tag
 */
export function withTag(entries: readonly ImageEntry[], tag: string): readonly ImageEntry[] {
  if (!isTag(tag)) throw new Failure('NAME_INVALID', `"${tag.slice(0, 200)}" is not a tag`)
  if (entries.some((entry) => entry.tag === tag)) return entries
  const named = entries.find((entry) => entry.tag !== undefined)
  if (named !== undefined) {
    throw new Failure('LAYOUT_INVALID', `the archive has the tag "${named.tag}" already: leave --tag out`)
  }
  const [only] = entries
  if (only === undefined || entries.length > 1) {
    throw new Failure(
      'LAYOUT_INVALID',
      `a tag can be given to one image, and the archive has ${entries.length}`,
    )
  }
  const known = only.descriptor['annotations']
  const annotations = { ...(known as JsonObject | undefined), [ANNOTATION.refName]: tag }
  return [{ ...only, descriptor: { ...only.descriptor, annotations }, tag }]
}

/**
 * Lay out images as one layout per repository. What the archive gives no name goes into each of them.
 *
 * @param nameOf names a file of the tree in messages
 */
export function layOut(entries: readonly ImageEntry[], nameOf: (path: string) => string): ArchiveTree {
  const repositories = entries.flatMap(({ repository }) => (repository === undefined ? [] : [repository]))
  const folders = repositoryFolders(repositories)
  const [single = ''] = folders.values()
  const files = new Map<string, SourceFile>()
  if (folders.size <= 1) {
    addLayout(files, '', entries)
  } else {
    for (const [repository, folder] of folders) {
      const own = entries.filter((entry) => entry.repository === repository || entry.repository === undefined)
      addLayout(files, folder, own)
    }
  }
  return {
    nameOf,
    files,
    emptyDirectories: [],
    mayLackPlatforms: false,
    defaultFolder: folders.size === 1 ? single : '',
  }
}

function addLayout(files: Map<string, SourceFile>, folder: string, entries: readonly ImageEntry[]): void {
  const manifests = entries.map(({ descriptor }) => descriptor)
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests }
  files.set(joinPath(folder, 'oci-layout'), jsonFile({ imageLayoutVersion: '1.0.0' }))
  files.set(joinPath(folder, 'index.json'), jsonFile(index))
  for (const { blobs } of entries) {
    for (const [path, file] of blobs) files.set(joinPath(folder, path), file)
  }
}

/** A JSON document as a file, the same bytes for the same document. */
export function jsonFile(document: unknown): SourceFile {
  return fileInMemory(Buffer.from(JSON.stringify(document)))
}
