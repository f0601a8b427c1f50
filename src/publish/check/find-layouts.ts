import { Failure } from '../../errors.ts'
import { joinPath } from '../source-tree.ts'
import type { SourceTree } from '../source-tree.ts'
import { baseName, folderOf, parseBlobPath } from './layout-paths.ts'

/**
 * Folders that are image layouts: those with an index.json, and beside it an oci-layout or, from writers that leave
 * it out, blobs.
 *
 * @throws Failure LAYOUT_INVALID for an oci-layout without index.json, or when there is no layout at all
 */
export function findLayouts(tree: SourceTree): string[] {
  const withBlobs = new Set<string>()
  const candidates = new Set<string>()
  for (const path of tree.files.keys()) {
    const blob = parseBlobPath(path)
    if (blob !== undefined) withBlobs.add(blob.folder)
    else if (baseName(path) === 'index.json' || baseName(path) === 'oci-layout')
      candidates.add(folderOf(path))
  }
  const layouts = [...candidates].sort().filter((folder) => {
    const marked = tree.files.has(joinPath(folder, 'oci-layout'))
    const indexed = tree.files.has(joinPath(folder, 'index.json'))
    if (marked && !indexed) {
      throw new Failure('LAYOUT_INVALID', `${tree.nameOf(joinPath(folder, 'index.json'))} is missing`)
    }
    return marked || withBlobs.has(folder)
  })
  if (layouts.length === 0) throw noLayout(tree)
  return layouts
}

function noLayout(tree: SourceTree): Failure {
  const name = tree.nameOf('')
  if (tree.files.has('manifest.json')) {
    const advice = tree.files.has('version')
      ? 'it is of the `dir:` form; copy the image again with `skopeo copy dir:… oci:…`'
      : 'it looks like an unpacked `docker save`; publish the archive itself'
    return new Failure('LAYOUT_INVALID', `${name} holds no OCI image layout: ${advice}`)
  }
  return new Failure(
    'LAYOUT_INVALID',
    `${name} holds no OCI image layout: no folder in it has an index.json with an oci-layout beside it`,
  )
}
