import { fileURLToPath } from 'node:url'
import { curl } from '../clients/curl.mjs'
import { chosen } from '../contenders.mjs'
import { makeImage, TAG } from '../image.mjs'
import { run } from '../process.mjs'
import { startGateway } from '../programs/gateway.mjs'
import { startKubo } from '../programs/kubo.mjs'
import { findOciRegistryP2p, startOciRegistryP2p } from '../programs/oci-registry-p2p.mjs'
import { alternate } from '../rounds.mjs'

export const title = 'A layer of 512 MiB that has to be fetched from a Kubo'

const UNDICI = fileURLToPath(new URL('../clients/undici.mjs', import.meta.url))

/**
 * Each download meets a gateway that has just started with an empty store and has given the manifest. It checks every
 * byte and, unless it has no disk, keeps it. Beside it what plain clients, which do neither, get from the same Kubo.
 */
export async function measure({ scope, builds, rounds, only, log, report }) {
  const image = await makeImage(await scope.folder('image'), { seed: 'cold', sizes: [512 * 2 ** 20] })
  const { digest, size: bytes } = image.layer
  const kubo = await startKubo(scope)
  const root = await kubo.add(image.folder)

  const cold = async (options) => {
    const own = scope.inner()
    try {
      const { url } = await startGateway(own, options)
      const repository = `${url}/v2/ipfs/${root}/app`
      await curl(`${repository}/manifests/${TAG}`, {})
      return await curl(`${repository}/blobs/${digest}`, { bytes })
    } finally {
      await own.end()
    }
  }
  const ways = {
    'Kubo found': { sources: ['kubo'], env: { IPFS_PATH: kubo.repo } },
    'kubo=URL': { sources: [`kubo=${kubo.api}`] },
    'gateway=URL': { sources: [`gateway=${kubo.gateway}`] },
    'kubo=URL, no disk': { sources: [`kubo=${kubo.api}`], store: 'memory' },
    'gateway=URL, no disk': { sources: [`gateway=${kubo.gateway}`], store: 'memory' },
  }
  const contenders = new Map()
  for (const [name, main] of builds) {
    for (const [way, options] of Object.entries(ways)) {
      contenders.set(`${name}, ${way}`, () => cold({ main, ...options }))
    }
  }
  if (findOciRegistryP2p()) {
    const p2p = await startOciRegistryP2p(scope, kubo)
    contenders.set('oci-registry-p2p', () =>
      curl(`${p2p.url}/v2/ipfs/${root}/app/blobs/${digest}`, { bytes }),
    )
  }
  const file = `${kubo.gateway}/ipfs/${root}/app/blobs/${digest.replace(':', '/')}`
  const car = `${file}?format=car&dag-scope=entity&car-order=dfs&car-dups=y`
  contenders.set('plain undici, bytes', () => plain(file))
  contenders.set('plain undici, CAR', () => plain(car))
  contenders.set('plain curl, CAR', () => curl(car, {}))
  const figures = await alternate(chosen(contenders, only), { rounds, log })
  report.ratios(undefined, figures, {
    unit: 'GB/s',
    peers: ['oci-registry-p2p', 'plain undici, CAR', 'plain curl, CAR'],
  })
}

/** GB/s, a Node process to start included as for curl. */
async function plain(url) {
  const start = performance.now()
  const bytes = Number(await run(process.execPath, [UNDICI, url]))
  return bytes / ((performance.now() - start) / 1000) / 1e9
}
