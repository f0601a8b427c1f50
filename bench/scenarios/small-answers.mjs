import { wrk } from '../clients/wrk.mjs'
import { chosen } from '../contenders.mjs'
import { makeImage, MANIFEST_TYPE, TAG } from '../image.mjs'
import { findProgram } from '../process.mjs'
import { DOCKER_REGISTRY, startRegistry } from '../programs/registry.mjs'
import { startGateway } from '../programs/gateway.mjs'
import { startKubo } from '../programs/kubo.mjs'
import { findOciRegistryP2p, startOciRegistryP2p } from '../programs/oci-registry-p2p.mjs'
import { alternate } from '../rounds.mjs'
import { ratioTable } from '../table.mjs'

export const title = 'Manifests by tag, and config blobs'

const SERVER = 0
const CLIENT = 1

/** The server has one core, the client the other; logs and metrics are on. The Kubo behind may use both. */
export async function measure({ scope, builds, rounds, only, log, print }) {
  const image = await makeImage(await scope.folder('image'), { seed: 'small', sizes: [2 ** 20] })
  const repositories = new Map()
  for (const [name, main] of builds) {
    const own = await startGateway(scope, { main, core: SERVER })
    repositories.set(name, `${own.url}/v2/ipfs/${await own.publish(image.folder)}/app`)
  }
  if (findProgram(DOCKER_REGISTRY)) {
    const registry = await startRegistry(scope, DOCKER_REGISTRY, { core: SERVER })
    await registry.push(image)
    repositories.set('docker-registry', `${registry.url}/v2/app`)
  }
  if (findOciRegistryP2p()) {
    const kubo = await startKubo(scope)
    const root = await kubo.add(image.folder)
    const p2p = await startOciRegistryP2p(scope, kubo, { core: SERVER })
    repositories.set('oci-registry-p2p', `${p2p.url}/v2/ipfs/${root}/app`)
  }
  const answers = {
    'manifest by tag': { path: `manifests/${TAG}`, headers: { accept: MANIFEST_TYPE } },
    'config blob': { path: `blobs/${image.config.digest}`, headers: {} },
  }
  for (const [what, { path, headers }] of Object.entries(answers)) {
    const contenders = new Map(
      [...repositories].map(([name, url]) => [name, () => wrk(`${url}/${path}`, { core: CLIENT, headers })]),
    )
    const figures = await alternate(chosen(contenders, only), { rounds, log })
    print(`${what}:`)
    print(ratioTable(figures, { unit: 'req/s', peers: ['docker-registry', 'oci-registry-p2p'] }))
  }
}
