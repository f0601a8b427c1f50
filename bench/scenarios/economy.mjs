import { countTable, counted } from '../asked.mjs'
import { curl, curlAtOnce } from '../clients/curl.mjs'
import { skopeoPull } from '../clients/skopeo.mjs'
import { chosen } from '../contenders.mjs'
import { folderSize } from '../folder-size.mjs'
import { makeImage, MANIFEST_TYPE, TAG, TEN_OBJECTS } from '../image.mjs'
import { startGateway } from '../programs/gateway.mjs'
import { startKubo } from '../programs/kubo.mjs'
import { findOciRegistryP2p, startOciRegistryP2p } from '../programs/oci-registry-p2p.mjs'
import { startSlowLine } from '../programs/slow-line.mjs'
import { median } from '../rounds.mjs'

export const title = 'What a cold image asks of a Kubo, and what it leaves on the disk'

const OBJECTS = TEN_OBJECTS.length + 2
const CLIENTS = 50
const P2P = 'oci-registry-p2p'

/** Each pull meets a program that has just started with an empty store; a line before the Kubo counts what it is asked. */
export async function measure({ scope, builds, rounds, only, log, report }) {
  const image = await makeImage(await scope.folder('image'), { seed: 'ten', sizes: TEN_OBJECTS })
  const kubo = await startKubo(scope)
  const root = await kubo.add(image.folder)
  const bench = { scope, rounds, log, report, image, kubo, root }
  const readers = chosen(contenders(builds), only)
  for (const wait of [0, 50]) await pulls(bench, readers, wait)
  await manyClients(bench, readers)
}

/** Name → `line` (what it asks of the Kubo) and `start(scope, url)` with the URL of that. */
function contenders(builds) {
  const all = new Map()
  for (const [name, main] of builds) {
    for (const [kind, line] of [
      ['kubo', 'api'],
      ['gateway', 'gateway'],
    ]) {
      const start = (scope, url) => startGateway(scope, { main, sources: [`${kind}=${url}`] })
      all.set(`${name}, ${kind}=URL`, { line, start })
    }
  }
  if (findOciRegistryP2p()) {
    const start = (scope, url) =>
      startOciRegistryP2p(scope, { multiaddr: `/ip4/127.0.0.1/tcp/${new URL(url).port}` })
    all.set(P2P, { line: 'api', start })
  }
  return all
}

async function pulls({ scope, rounds, log, report, image, kubo, root }, readers, wait) {
  const disk = new Map()
  const caches = await linesTo(scope, kubo, readers, wait)
  const pull = async (own, { name, start, url }, count) => {
    const program = await start(own, url)
    const seconds = await count(() => skopeoPull(own, program.url, `ipfs/${root}/app`, TAG))
    if (program.store !== undefined) {
      const { size } = await folderSize(program.store)
      disk.set(name, [...(disk.get(name) ?? []), size / image.size])
    }
    return seconds
  }
  const { figures, counts } = await counted(
    { scope, caches, originOf: ({ origin }) => origin, rounds, log },
    pull,
  )
  const title = `skopeo copy of an image of ten objects, 107 MiB, cold, ${wait} ms added to each request to the Kubo`
  report.ratios(title, figures, { unit: 's', peers: [P2P] })
  report.table(
    'Of that, for the Kubo',
    countTable(counts, { objects: OBJECTS, size: image.size }),
    Object.fromEntries(counts),
  )
  const rows = [...disk].map(([name, ratios]) => [name, median(ratios).toFixed(4)])
  report.table('What is in the store then', [['', '× the image'], ...rows], Object.fromEntries(disk))
}

async function manyClients({ scope, rounds, log, report, image, kubo, root }, readers) {
  const { layer } = image
  const caches = await linesTo(scope, kubo, readers, 0)
  const pull = async (own, { start, url }, count) => {
    const program = await start(own, url)
    const repository = `${program.url}/v2/ipfs/${root}/app`
    await curl(`${repository}/manifests/${TAG}`, { headers: { accept: MANIFEST_TYPE } })
    return count(async () => {
      const began = performance.now()
      await curlAtOnce(`${repository}/blobs/${layer.digest}`, { bytes: layer.size, clients: CLIENTS })
      return (performance.now() - began) / 1000
    })
  }
  const { figures, counts } = await counted(
    { scope, caches, originOf: ({ origin }) => origin, rounds, log },
    pull,
  )
  report.ratios(`${CLIENTS} clients at once for one cold layer of 40 MiB`, figures, {
    unit: 's',
    peers: [P2P],
  })
  report.table(
    'Of that, for the Kubo',
    countTable(counts, { objects: 1, size: layer.size }),
    Object.fromEntries(counts),
  )
}

/** Each reader with a line of its own to what it asks. */
async function linesTo(scope, kubo, readers, wait) {
  const found = new Map()
  for (const [name, { line, start }] of readers) {
    const { url, asked } = await startSlowLine(scope, kubo[line], wait)
    found.set(name, { name, start, url, origin: { asked } })
  }
  return found
}
