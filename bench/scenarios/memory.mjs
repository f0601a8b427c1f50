import { fileURLToPath } from 'node:url'
import { curl } from '../clients/curl.mjs'
import { watchMemory } from '../clients/resident-memory.mjs'
import { makeImage, TAG } from '../image.mjs'
import { run } from '../process.mjs'
import { startGateway } from '../programs/gateway.mjs'
import { startKubo } from '../programs/kubo.mjs'

export const title = 'Resident memory under 50 readers of a layer of 1 GiB, each at 8 MB/s'

const READERS = fileURLToPath(new URL('../clients/slow-readers.mjs', import.meta.url))
const COUNT = 50
const RATE = 8e6

/** One run each: it takes 134 s, and what counts is its peak. */
export async function measure({ scope, builds, only, log, report }) {
  const image = await makeImage(await scope.folder('image'), { seed: 'memory', sizes: [2 ** 30] })
  const { digest, size: bytes } = image.layer
  const kubo = await startKubo(scope)
  const root = await kubo.add(image.folder)
  const ways = {
    'cold, Kubo found': { sources: ['kubo'], env: { IPFS_PATH: kubo.repo } },
    'cold, kubo=URL': { sources: [`kubo=${kubo.api}`] },
    'cold, gateway=URL': { sources: [`gateway=${kubo.gateway}`] },
    'cold, kubo=URL, no disk': { sources: [`kubo=${kubo.api}`], store: 'memory' },
    'cold, gateway=URL, no disk': { sources: [`gateway=${kubo.gateway}`], store: 'memory' },
    'warm, cached': { sources: [`kubo=${kubo.api}`], warm: true },
    'warm, published': { publish: true },
  }
  const rows = [['', 'peak, MiB', 'median, MiB', 'whole answers', 'seconds']]
  for (const [name, main] of builds) {
    for (const [way, { warm, publish, ...options }] of Object.entries(ways)) {
      if (only !== undefined && !only.test(`${name}, ${way}`)) continue
      const own = scope.inner()
      const gateway = await startGateway(own, { main, ...options })
      const from = publish ? await gateway.publish(image.folder) : root
      const repository = `${gateway.url}/v2/ipfs/${from}/app`
      await curl(`${repository}/manifests/${TAG}`, {})
      if (warm) await curl(`${repository}/blobs/${digest}`, { bytes })
      const stop = watchMemory(gateway.pid)
      const args = [READERS, `${repository}/blobs/${digest}`, String(COUNT), String(RATE)]
      const readers = JSON.parse(await run(process.execPath, args, { timeout: 600_000 }))
      const { peak, median } = await stop()
      await own.end()
      const whole = readers.filter((reader) => reader.bytes === bytes && reader.how === '200').length
      const longest = Math.max(...readers.map(({ seconds }) => seconds))
      log(`${name}, ${way}: peak ${peak.toFixed(0)} MiB, median ${median.toFixed(0)} MiB, ${whole} whole`)
      rows.push([
        `${name}, ${way}`,
        peak.toFixed(0),
        median.toFixed(0),
        `${whole} of ${COUNT}`,
        longest.toFixed(0),
      ])
    }
  }
  report.table(undefined, rows)
}
