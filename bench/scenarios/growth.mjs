import * as blobSize from './growth/blob-size.mjs'
import * as connections from './growth/connections.mjs'
import * as folderEntries from './growth/folder-entries.mjs'
import * as rootHistory from './growth/root-history.mjs'
import * as storedBlobs from './growth/stored-blobs.mjs'
import * as tags from './growth/tags.mjs'

export const title = 'How the cost grows'

const PARTS = {
  'blob-size': blobSize,
  tags,
  'folder-entries': folderEntries,
  'root-history': rootHistory,
  'stored-blobs': storedBlobs,
  connections,
}

/**
 * Each point once, in programs just started with a store of their own; `only` chooses parts by name, and `largest` the
 * points up to it.
 */
export async function measure({ scope, builds, only, largest, log, report }) {
  for (const [name, part] of Object.entries(PARTS)) {
    if (only !== undefined && !only.test(name)) continue
    const rows = []
    for (const point of part.points.filter((one) => one <= largest)) {
      for (const [build, main] of builds) {
        const own = scope.inner()
        const figures = await part.measure(own, { main, point })
        await own.end()
        log(`${name} ${point}  ${build}  ${figures.join('  ')}`)
        rows.push([builds.size === 1 ? String(point) : `${point}, ${build}`, ...figures])
      }
    }
    report.table(part.title, [['', ...part.columns], ...rows])
  }
}
