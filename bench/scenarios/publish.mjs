import { within } from '../asked.mjs'
import { chosen } from '../contenders.mjs'
import { folderSize } from '../folder-size.mjs'
import { makeImage } from '../image.mjs'
import { publish } from '../programs/gateway.mjs'
import { startKubo } from '../programs/kubo.mjs'
import { alternate, median } from '../rounds.mjs'

export const title = 'Publishing a layout with a layer of 512 MiB'

const ADD = 'ipfs add'

/** Each time into a fresh store, by a command of its own: ours by the program in Node, `ipfs add` through its daemon's RPC. */
export async function measure({ scope, builds, rounds, only, log, report }) {
  const image = await makeImage(await scope.folder('image'), { seed: 'publish', sizes: [512 * 2 ** 20] })
  const disk = new Map()
  const measures = [...chosen(contenders(builds), only)].map(([name, start]) => {
    disk.set(name, [])
    const once = async (own) => {
      const { store, put } = await start(own)
      const before = await folderSize(store)
      const began = performance.now()
      await put(image.folder)
      const seconds = (performance.now() - began) / 1000
      const after = await folderSize(store)
      disk.get(name).push((after.size - before.size) / image.size)
      return image.size / seconds / 1e6
    }
    return [name, () => within(scope, once)]
  })
  const figures = await alternate(new Map(measures), { rounds, log })
  report.ratios(undefined, figures, { unit: 'MB/s', peers: [ADD] })
  const rows = [...disk].map(([name, ratios]) => [name, median(ratios).toFixed(4)])
  report.table('What the store has got by it', [['', '× the image'], ...rows], Object.fromEntries(disk))
}

/** Name → `start(scope)`, which resolves to the folder that grows (`store`) and `put(folder)`. */
function contenders(builds) {
  const all = new Map()
  for (const [name, main] of builds) {
    all.set(`${name}, embedded`, async (scope) => {
      const store = await scope.folder('store')
      return { store, put: (folder) => publish({ main, store, folder }) }
    })
    all.set(`${name}, Kubo`, async (scope) => {
      const kubo = await startKubo(scope)
      const store = await scope.folder('store')
      const to = ['--to', 'kubo', '--source', `kubo=${kubo.api}`]
      return { store: kubo.repo, put: (folder) => publish({ main, store, folder, to }) }
    })
  }
  all.set(ADD, async (scope) => {
    const kubo = await startKubo(scope)
    return { store: kubo.repo, put: (folder) => kubo.add(folder) }
  })
  return all
}
