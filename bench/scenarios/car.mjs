import { fileURLToPath } from 'node:url'
import { curl } from '../clients/curl.mjs'
import { watchMemory } from '../clients/resident-memory.mjs'
import { chosen } from '../contenders.mjs'
import { makeImage } from '../image.mjs'
import { run } from '../process.mjs'
import { startGateway } from '../programs/gateway.mjs'
import { startKubo } from '../programs/kubo.mjs'
import { alternate } from '../rounds.mjs'

export const title = 'The CAR of a layer of 1 GiB, to other gateways'

const READERS = fileURLToPath(new URL('../clients/slow-readers.mjs', import.meta.url))
const COUNT = 20
const RATE = 8e6

/** Downloads of the CAR beside those from a Kubo's gateway, then the memory of ours under slow readers of it. */
export async function measure({ scope, builds, rounds, only, log, report }) {
  const image = await makeImage(await scope.folder('image'), { seed: 'car', sizes: [2 ** 30] })
  const kubo = await startKubo(scope)
  const root = await kubo.add(image.folder)
  const path = `/ipfs/${root}/app/blobs/${image.layer.digest.replace(':', '/')}?format=car&dag-scope=entity`
  const contenders = new Map()
  const stores = new Map()
  const serving = scope.inner()
  for (const [name, main] of builds) {
    const gateway = await startGateway(serving, { main, sources: ['embedded'] })
    await gateway.publish(image.folder)
    stores.set(name, { main, store: gateway.store })
    contenders.set(name, () => curl(gateway.url + path, {}))
  }
  contenders.set("Kubo's gateway", () => curl(kubo.gateway + path, {}))
  const figures = await alternate(chosen(contenders, only), { rounds, log })
  report.ratios(undefined, figures, { unit: 'GB/s', peers: ["Kubo's gateway"] })
  await serving.end()
  for (const [name, { main, store }] of stores) {
    const own = scope.inner()
    const gateway = await startGateway(own, { main, store, sources: ['embedded'] })
    const stop = watchMemory(gateway.pid)
    const args = [READERS, gateway.url + path, String(COUNT), String(RATE)]
    const readers = JSON.parse(await run(process.execPath, args, { timeout: 600_000 }))
    const { peak, median } = await stop()
    await own.end()
    const whole = readers.filter(({ bytes, how }) => how === '200' && bytes > image.layer.size).length
    report.say(
      `${name}, ${COUNT} readers at 8 MB/s: peak ${peak.toFixed(0)} MiB, median ${median.toFixed(0)} MiB, ` +
        `${whole} of ${COUNT} whole`,
    )
    report.record(`${name}, ${COUNT} readers at 8 MB/s`, { peak, median, whole })
  }
}
