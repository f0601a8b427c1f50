import { watchMemory } from '../clients/resident-memory.mjs'
import { processorTime } from '../clients/processor-time.mjs'
import { pushBlob } from '../clients/push.mjs'
import { chosen } from '../contenders.mjs'
import { makeImage } from '../image.mjs'
import { findProgram } from '../process.mjs'
import { startGateway } from '../programs/gateway.mjs'
import { startKubo } from '../programs/kubo.mjs'
import { findOciRegistryP2p, startOciRegistryP2pStorage } from '../programs/oci-registry-p2p.mjs'
import { DISTRIBUTION, DOCKER_REGISTRY, startRegistry } from '../programs/registry.mjs'
import { alternate, median } from '../rounds.mjs'

export const title = 'A push of a layer of 1 GiB'

const ADD = 'ipfs add'

/**
 * Each push meets programs that have just started with nothing in their stores, as what is there already is not written
 * again. It ends when the blob is answered 201.
 */
export async function measure({ scope, builds, rounds, only, log, report }) {
  const image = await makeImage(await scope.folder('image'), { seed: 'push', sizes: [2 ** 30] })
  const blob = { ...image.layer, file: image.fileOf(image.layer) }
  const costs = new Map()
  const measures = [...chosen(contenders(builds), only)].map(([name, start]) => {
    costs.set(name, [])
    return [name, () => measured(scope, blob, start, (cost) => costs.get(name).push(cost))]
  })
  const figures = await alternate(new Map(measures), { rounds, log })
  report.ratios(undefined, figures, { unit: 'MB/s', peers: [ADD, DISTRIBUTION, DOCKER_REGISTRY] })
  report.table('What it took, medians', costTable(costs), Object.fromEntries(costs))
}

/** Name → `start(scope)`, which resolves to `push(blob)` (in seconds), and the ids of the processes that do it. */
function contenders(builds) {
  const all = new Map()
  for (const [name, main] of builds) {
    all.set(`${name}, embedded`, async (scope) => registryOf(await startGateway(scope, { main, push: true })))
    all.set(`${name}, Kubo`, async (scope) => {
      const kubo = await startKubo(scope)
      const gateway = await startGateway(scope, { main, push: true, sources: [`kubo=${kubo.api}`] })
      return { ...registryOf(gateway), node: kubo.pid }
    })
  }
  all.set(ADD, async (scope) => {
    const kubo = await startKubo(scope)
    return { push: ({ file }) => kubo.addFile(file), node: kubo.pid }
  })
  for (const program of [DISTRIBUTION, DOCKER_REGISTRY]) {
    if (findProgram(program))
      all.set(program, async (scope) => registryOf(await startRegistry(scope, program)))
  }
  if (findOciRegistryP2p()) {
    all.set('oci-registry-p2p', async (scope) => {
      const kubo = await startKubo(scope, { online: true })
      return { ...registryOf(await startOciRegistryP2pStorage(scope, kubo)), node: kubo.pid }
    })
  }
  return all
}

function registryOf({ url, pid }) {
  return { push: (blob) => pushBlob(`${url}/v2/app`, blob), server: pid }
}

/** MB/s of one push; what it took is told to `onCost`. */
async function measured(scope, blob, start, onCost) {
  const own = scope.inner()
  try {
    const { push, server, node } = await start(own)
    const used = () =>
      Promise.all([server, node].map((pid) => (pid === undefined ? undefined : processorTime(pid))))
    const stop = server === undefined ? undefined : watchMemory(server)
    const before = await used()
    const seconds = await push(blob)
    const after = await used()
    const [byServer, byNode] = after.map((time, at) => (time === undefined ? undefined : time - before[at]))
    onCost({ byServer, byNode, memory: (await stop?.())?.peak })
    return blob.size / seconds / 1e6
  } finally {
    await own.end()
  }
}

/** Medians; the first of each is the warm-up's. */
function costTable(costs) {
  const figure = (all, key, digits) =>
    all.some((one) => one[key] === undefined)
      ? ''
      : median(all.slice(1).map((one) => one[key])).toFixed(digits)
  const rows = [...costs].map(([name, all]) => [
    name,
    figure(all, 'byServer', 2),
    figure(all, 'byNode', 2),
    figure(all, 'memory', 0),
  ])
  return [['', 'processor, s', "Kubo's processor, s", 'peak memory, MiB'], ...rows]
}
