import { wrk } from '../clients/wrk.mjs'
import { chosen } from '../contenders.mjs'
import { makeImage, MANIFEST_TYPE, TAG } from '../image.mjs'
import { findProgram } from '../process.mjs'
import { startGateway } from '../programs/gateway.mjs'
import { startKubo } from '../programs/kubo.mjs'
import { NGINX, startNginx } from '../programs/nginx.mjs'
import { findOciRegistryP2p, startOciRegistryP2p } from '../programs/oci-registry-p2p.mjs'
import { DISTRIBUTION, DOCKER_REGISTRY, startRegistry } from '../programs/registry.mjs'
import { startZot, ZOT } from '../programs/zot.mjs'
import { alternate } from '../rounds.mjs'

export const title = 'Manifests by tag and by digest, and config blobs'

const PEERS = [DISTRIBUTION, DOCKER_REGISTRY, ZOT, NGINX, 'oci-registry-p2p']
const SERVER = 0
const CLIENT = 1

/** The server has one core, the client the other; logs and metrics are on. The Kubo behind may use both. */
export async function measure({ scope, builds, rounds, only, log, report }) {
  const image = await makeImage(await scope.folder('image'), { seed: 'small', sizes: [2 ** 20] })
  const repositories = new Map()
  for (const [name, main] of builds) {
    const own = await startGateway(scope, { main, core: SERVER })
    repositories.set(name, `${own.url}/v2/ipfs/${await own.publish(image.folder)}/app`)
  }
  for (const program of [DISTRIBUTION, DOCKER_REGISTRY, ZOT].filter(findProgram)) {
    const options = { core: SERVER }
    const registry = await (program === ZOT
      ? startZot(scope, options)
      : startRegistry(scope, program, options))
    await registry.push(image)
    repositories.set(program, `${registry.url}/v2/app`)
  }
  if (findProgram(NGINX)) {
    const nginx = await startNginx(scope, image.folder, { core: SERVER, files: plainFiles(image) })
    repositories.set(NGINX, `${nginx.url}/v2/app`)
  }
  if (findOciRegistryP2p()) {
    const kubo = await startKubo(scope)
    const root = await kubo.add(image.folder)
    const p2p = await startOciRegistryP2p(scope, kubo, { core: SERVER })
    repositories.set('oci-registry-p2p', `${p2p.url}/v2/ipfs/${root}/app`)
  }
  const answers = {
    'manifest by tag': { path: `manifests/${TAG}`, headers: { accept: MANIFEST_TYPE } },
    'manifest by digest': {
      path: `manifests/${image.manifest.digest}`,
      headers: { accept: MANIFEST_TYPE },
    },
    'config blob': { path: `blobs/${image.config.digest}`, headers: {} },
  }
  for (const [what, { path, headers }] of Object.entries(answers)) {
    const contenders = new Map(
      [...repositories].map(([name, url]) => [name, () => wrk(`${url}/${path}`, { core: CLIENT, headers })]),
    )
    const figures = await alternate(chosen(contenders, only), { rounds, log })
    report.ratios(`${what}`, figures, { unit: 'req/s', peers: PEERS })
  }
}

/** What a registry answers, as files of a web server that knows nothing of registries. */
function plainFiles(image) {
  const manifest = { file: image.fileOf(image.manifest), type: MANIFEST_TYPE }
  const config = { file: image.fileOf(image.config), type: 'application/octet-stream' }
  return {
    [`/v2/app/manifests/${TAG}`]: manifest,
    [`/v2/app/manifests/${image.manifest.digest}`]: manifest,
    [`/v2/app/blobs/${image.config.digest}`]: config,
  }
}
