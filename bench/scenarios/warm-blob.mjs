import { curl } from '../clients/curl.mjs'
import { chosen } from '../contenders.mjs'
import { makeImage } from '../image.mjs'
import { findProgram } from '../process.mjs'
import { DISTRIBUTION, DOCKER_REGISTRY, startRegistry } from '../programs/registry.mjs'
import { startGateway } from '../programs/gateway.mjs'
import { startKubo } from '../programs/kubo.mjs'
import { NGINX, startNginx } from '../programs/nginx.mjs'
import { findOciRegistryP2p, startOciRegistryP2p } from '../programs/oci-registry-p2p.mjs'
import { startZot, ZOT } from '../programs/zot.mjs'
import { alternate } from '../rounds.mjs'

const KUBO_GATEWAY = "Kubo's gateway"
const PEERS = [DISTRIBUTION, DOCKER_REGISTRY, ZOT, NGINX, KUBO_GATEWAY, 'oci-registry-p2p']

export const title = 'A layer of 512 MiB that is there already'

/** Published to the gateway's own store, and cached from a Kubo, beside servers of plain files. */
export async function measure({ scope, builds, rounds, only, log, report }) {
  const image = await makeImage(await scope.folder('image'), { seed: 'warm', sizes: [512 * 2 ** 20] })
  const { digest, size: bytes } = image.layer
  const kubo = await startKubo(scope)
  const root = await kubo.add(image.folder)

  const urls = new Map()
  for (const [name, main] of builds) {
    const own = await startGateway(scope, { main })
    urls.set(
      `${name}, published`,
      `${own.url}/v2/ipfs/${await own.publish(image.folder)}/app/blobs/${digest}`,
    )
    const caching = await startGateway(scope, { main, sources: [`kubo=${kubo.api}`] })
    urls.set(`${name}, cached`, `${caching.url}/v2/ipfs/${root}/app/blobs/${digest}`)
  }
  for (const program of [DISTRIBUTION, DOCKER_REGISTRY, ZOT].filter(findProgram)) {
    const registry = await (program === ZOT ? startZot(scope) : startRegistry(scope, program))
    await registry.push(image)
    urls.set(program, `${registry.url}/v2/app/blobs/${digest}`)
  }
  const path = `app/blobs/${digest.replace(':', '/')}`
  if (findProgram(NGINX)) {
    const nginx = await startNginx(scope, image.folder)
    urls.set(NGINX, `${nginx.url}/${path}`)
  }
  urls.set(KUBO_GATEWAY, `${kubo.gateway}/ipfs/${root}/${path}`)
  if (findOciRegistryP2p()) {
    const p2p = await startOciRegistryP2p(scope, kubo)
    urls.set('oci-registry-p2p', `${p2p.url}/v2/ipfs/${root}/app/blobs/${digest}`)
  }
  for (const streams of [1, 4]) {
    const contenders = new Map([...urls].map(([name, url]) => [name, () => curl(url, { bytes, streams })]))
    const figures = await alternate(chosen(contenders, only), { rounds, log })
    report.ratios(`${streams} ${streams === 1 ? 'stream' : 'streams'}`, figures, {
      unit: 'GB/s',
      peers: PEERS,
    })
  }
}
