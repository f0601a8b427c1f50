import { Failure } from '../../errors.ts'
import { isJsonObject, parseJsonObject } from '../../layout/json-object.ts'
import { nameOf as nameOfEntry } from '../../layout/entry-name.ts'
import type { Digest } from '../../reference/digest.ts'
import { checkLayout } from '../check/check-layout.ts'
import type { CheckedLayout } from '../check/check-layout.ts'
import { blobPathOf, folderOf, parseBlobPath } from '../check/layout-paths.ts'
import { joinPath } from '../source-tree.ts'
import type { SourceFile, SourceTree } from '../source-tree.ts'
import { layOut, withTag } from './image-entry.ts'
import type { ArchiveTree, ImageEntry } from './image-entry.ts'

/**
 * The layouts of an archive: `oci-archive`, and `docker save` since Docker 25. What else is in it, such as Docker's own
 * manifest.json, is left out. A single layout stays as it is, unless it holds images of several repositories: these
 * become a layout each.
 *
 * @param layouts folders of the layouts in the tree
 * @param tag for the only image, when it has none
 */
export async function readOciArchive(
  tree: SourceTree,
  layouts: readonly string[],
  tag: string | undefined,
  signal: AbortSignal,
): Promise<ArchiveTree> {
  const [only] = layouts
  if (only === undefined || layouts.length > 1 || only !== '') {
    const files = new Map([...tree.files].filter(([path]) => layouts.some((layout) => isOf(layout, path))))
    if (tag !== undefined) {
      const message = `the layouts in ${tree.nameOf('')} are in folders: a tag can be given to one at its root only`
      throw new Failure('LAYOUT_INVALID', message)
    }
    return { ...tree, files, emptyDirectories: [], defaultFolder: '' }
  }
  const checked = await checkLayout(tree, only, new Map(), signal)
  const entries = entriesOf(tree, checked)
  const { mayLackPlatforms } = tree
  const tagged = tag === undefined ? entries : withTag(entries, tag)
  if (tagged !== entries) return { ...layOut(tagged, tree.nameOf), mayLackPlatforms }
  const laidOut = layOut(entries, tree.nameOf)
  const repositories = new Set(entries.flatMap(({ repository }) => repository ?? []))
  if (repositories.size > 1) return { ...laidOut, mayLackPlatforms }
  const files = new Map([...tree.files].filter(([path]) => isOf(only, path)))
  return { ...tree, files, emptyDirectories: [], defaultFolder: laidOut.defaultFolder }
}

/** Whether a path belongs to a layout: index.json, oci-layout and blobs, also shared ones above it. */
function isOf(layout: string, path: string): boolean {
  const blob = parseBlobPath(path)
  if (blob !== undefined) {
    return blob.folder === layout || blob.folder === '' || layout.startsWith(`${blob.folder}/`)
  }
  const name = path.slice(layout === '' ? 0 : layout.length + 1)
  return folderOf(path) === layout && (name === 'index.json' || name === 'oci-layout')
}

function entriesOf(tree: SourceTree, layout: CheckedLayout): ImageEntry[] {
  const listed = parseJsonObject(layout.index)?.['manifests']
  const raw: unknown[] = Array.isArray(listed) ? listed : []
  return layout.listed.map((descriptor, at) => {
    const { repository, tag } = nameOfEntry(descriptor)
    const original = raw[at]
    return {
      descriptor: isJsonObject(original) ? original : { ...descriptor },
      repository,
      tag,
      blobs: blobsBelow(tree, layout, descriptor.digest),
    }
  })
}

function blobsBelow(tree: SourceTree, layout: CheckedLayout, root: Digest): Map<string, SourceFile> {
  const blobs = new Map<string, SourceFile>()
  const waiting = [root]
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    const path = blobPathOf(digest)
    const file = tree.files.get(layout.blobs.get(digest) ?? joinPath(layout.path, path))
    if (file === undefined || blobs.has(path)) continue
    blobs.set(path, file)
    waiting.push(...(layout.references.get(digest) ?? []))
  }
  return blobs
}
