import { askedOf, counted, countTable, within } from '../asked.mjs'
import { curl, curlAtOnce } from '../clients/curl.mjs'
import { skopeoPull } from '../clients/skopeo.mjs'
import { wrk } from '../clients/wrk.mjs'
import { chosen } from '../contenders.mjs'
import { makeImage, MANIFEST_TYPE, TAG, TEN_OBJECTS } from '../image.mjs'
import { findProgram } from '../process.mjs'
import { startGateway } from '../programs/gateway.mjs'
import { DISTRIBUTION, DOCKER_REGISTRY, startRegistry } from '../programs/registry.mjs'
import { startSlowLine } from '../programs/slow-line.mjs'
import { alternate } from '../rounds.mjs'

export const title = 'Pull-through of an ordinary registry'

const MiB = 2 ** 20
const BIG = 'library/big'
const TEN = 'library/ten'
const OBJECTS = TEN_OBJECTS.length + 2
const CLIENTS = 50
const SERVER = 0
const CLIENT = 1
const PEERS = [DISTRIBUTION, DOCKER_REGISTRY]
const ACCEPT = { headers: { accept: MANIFEST_TYPE } }

/**
 * The gateway as a cache of a registry beside others in the same place. What is cold meets a program that has just
 * started with an empty store. What the origin is asked is counted by its own access log.
 */
export async function measure({ scope, builds, rounds, only, log, report }) {
  const big = await makeImage(await scope.folder('big'), { seed: 'big', sizes: [512 * MiB] })
  const ten = await makeImage(await scope.folder('ten'), { seed: 'ten', sizes: TEN_OBJECTS })
  const origin = await startRegistry(scope, DISTRIBUTION)
  await origin.push(big, BIG)
  await origin.push(ten, TEN)
  const caches = chosen(contenders(builds), only)
  const bench = { scope, caches, origin, big, ten, rounds, log, report }
  await bigBlobCold(bench)
  await bigBlobWarm(bench)
  await manifestsWarm(bench)
  await pullsCold(bench, 0)
  await pullsCold(bench, 50)
  await manyClientsCold(bench)
}

/** Name → `start(scope, remote, options)`, which resolves to something with a `url`. */
function contenders(builds) {
  const all = new Map()
  for (const [name, main] of builds) {
    all.set(name, (scope, remote, { core } = {}) =>
      startGateway(scope, { main, core, upstreams: [`docker.io=${remote}`] }),
    )
  }
  for (const program of PEERS) {
    if (!findProgram(program)) continue
    all.set(program, (scope, remote, { core } = {}) => startRegistry(scope, program, { core, remote }))
  }
  return all
}

const manifestOf = (url, repository, reference = TAG) => `${url}/v2/${repository}/manifests/${reference}`
const blobOf = (url, repository, { digest }) => `${url}/v2/${repository}/blobs/${digest}`

async function bigBlobCold({ scope, caches, origin, big, rounds, log, report }) {
  const bytes = big.layer.size
  const figures = await alternate(
    new Map([
      ...[...caches].map(([name, start]) => [
        name,
        () =>
          within(scope, async (own) => {
            const { url } = await start(own, origin.url)
            await curl(manifestOf(url, BIG), ACCEPT)
            return curl(blobOf(url, BIG, big.layer), { bytes })
          }),
      ]),
      ['the origin itself', () => curl(blobOf(origin.url, BIG, big.layer), { bytes })],
    ]),
    { rounds, log },
  )
  report.ratios('A layer of 512 MiB, cold, one stream', figures, { unit: 'GB/s', peers: PEERS })
}

async function bigBlobWarm({ scope, caches, origin, big, rounds, log, report }) {
  const bytes = big.layer.size
  const serving = scope.inner()
  const urls = new Map()
  for (const [name, start] of caches) {
    const { url } = await start(serving, origin.url)
    await curl(manifestOf(url, BIG), ACCEPT)
    await untilKept(origin, () => curl(blobOf(url, BIG, big.layer), { bytes }))
    urls.set(name, url)
  }
  for (const streams of [1, 4]) {
    const all = [...urls, ['the origin itself', origin.url]]
    const figures = await alternate(
      new Map(all.map(([name, url]) => [name, () => curl(blobOf(url, BIG, big.layer), { bytes, streams })])),
      { rounds, log },
    )
    report.ratios(`The same, warm, ${streams} ${streams === 1 ? 'stream' : 'streams'}`, figures, {
      unit: 'GB/s',
      peers: PEERS,
    })
  }
  await serving.end()
}

/** Some programs store what they have passed on only afterwards, by a fetch of its own. */
async function untilKept(origin, download) {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const { bytes } = await askedOf(origin, download)
    if (bytes === 0) return
  }
  throw new Error('a blob was fetched ten times and is still not kept')
}

/** The server has one core and the client the other; the origin, which some ask again each time, may use both. */
async function manifestsWarm({ scope, caches, origin, ten, rounds, log, report }) {
  for (const [what, reference] of [
    ['by tag', TAG],
    ['by digest', ten.manifest.digest],
  ]) {
    const serving = scope.inner()
    const measures = new Map()
    for (const [name, start] of caches) {
      const { url } = await start(serving, origin.url, { core: SERVER })
      await curl(manifestOf(url, TEN, reference), ACCEPT)
      measures.set(name, () => wrk(manifestOf(url, TEN, reference), { core: CLIENT, ...ACCEPT }))
    }
    const figures = await alternate(measures, { rounds, log })
    report.ratios(`A manifest ${what}, warm`, figures, { unit: 'req/s', peers: PEERS })
    await serving.end()
  }
}

/** Seconds of a pull of all ten objects, and what the origin was asked for it; `wait`: ms for each request to it. */
async function pullsCold({ scope, caches, origin, ten, rounds, log, report }, wait) {
  const { size } = ten
  const line = wait === 0 ? origin : await startSlowLine(scope, origin.url, wait)
  const pull = async (own, start, count) => {
    const { url } = await start(own, line.url)
    return count(() => skopeoPull(own, url, TEN, TAG))
  }
  const { figures, counts } = await counted({ scope, caches, originOf: () => origin, rounds, log }, pull)
  report.ratios(
    `skopeo copy of an image of ten objects, 107 MiB, cold, ${wait} ms added to each request to the origin`,
    figures,
    { unit: 's', peers: PEERS },
  )
  report.table(
    'Of that, for the origin',
    countTable(counts, { objects: OBJECTS, size }),
    Object.fromEntries(counts),
  )
}

async function manyClientsCold({ scope, caches, origin, ten, rounds, log, report }) {
  const [layer] = ten.layers
  const pull = async (own, start, count) => {
    const { url } = await start(own, origin.url)
    await curl(manifestOf(url, TEN), ACCEPT)
    return count(async () => {
      const began = performance.now()
      await curlAtOnce(blobOf(url, TEN, layer), { bytes: layer.size, clients: CLIENTS })
      return (performance.now() - began) / 1000
    })
  }
  const { figures, counts } = await counted({ scope, caches, originOf: () => origin, rounds, log }, pull)
  report.ratios(`${CLIENTS} clients at once for one cold layer of 40 MiB`, figures, {
    unit: 's',
    peers: PEERS,
  })
  report.table(
    'Of that, for the origin',
    countTable(counts, { objects: 1, size: layer.size }),
    Object.fromEntries(counts),
  )
}
