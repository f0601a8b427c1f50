import { fileURLToPath } from 'node:url'
import { watchMemory } from '../../clients/resident-memory.mjs'
import { timed } from '../../clients/timed.mjs'
import { wrkLatencies } from '../../clients/wrk.mjs'
import { makeImage, MANIFEST_TYPE, TAG } from '../../image.mjs'
import { run } from '../../process.mjs'
import { publish, startGateway } from '../../programs/gateway.mjs'

export const title = 'Connections'
export const points = [10, 100, 1_000]
export const columns = [
  'manifests/s',
  'p50, ms',
  'p99, ms',
  'highest memory, MiB',
  'readers at 100 kB/s: first byte p50, ms',
  'p99, ms',
  'got enough',
  'highest memory, MiB',
]

const READERS = fileURLToPath(new URL('../../clients/slow-readers.mjs', import.meta.url))
const RATE = 100_000
const SECONDS = 20

/** Manifests over connections that stay open; then, from another process, as many slow readers of one layer of 64 MiB. */
export async function measure(scope, { main, point }) {
  const image = await makeImage(await scope.folder('image'), { seed: 'connections', sizes: [64 * 2 ** 20] })
  const store = await scope.folder('store')
  const root = await publish({ main, store, folder: image.folder })
  const small = await manifests(scope.inner(), { main, store }, root, point)
  const slow = await slowReaders(scope.inner(), { main, store }, root, image, point)
  return [...small, ...slow]
}

async function manifests(scope, options, root, connections) {
  const gateway = await startGateway(scope, options)
  const url = `${gateway.url}/v2/ipfs/${root}/app/manifests/${TAG}`
  await timed(url)
  const stop = watchMemory(gateway.pid)
  const { perSecond, p50, p99 } = await wrkLatencies(url, { connections, headers: { accept: MANIFEST_TYPE } })
  const { peak } = await stop()
  await scope.end()
  return [perSecond.toFixed(0), p50.toFixed(1), p99.toFixed(1), peak.toFixed(0)]
}

async function slowReaders(scope, options, root, { layer }, count) {
  const gateway = await startGateway(scope, options)
  const url = `${gateway.url}/v2/ipfs/${root}/app`
  await timed(`${url}/manifests/${TAG}`)
  const stop = watchMemory(gateway.pid)
  const args = [READERS, `${url}/blobs/${layer.digest}`, count, RATE, SECONDS].map(String)
  const readers = JSON.parse(await run(process.execPath, args))
  const { peak } = await stop()
  await scope.end()
  const firsts = readers.map(({ first }) => first ?? Infinity).sort((a, b) => a - b)
  const enough = readers.filter(({ bytes, how }) => how === 'left' && bytes >= RATE * SECONDS * 0.9)
  const percentile = (part) =>
    firsts[Math.min(firsts.length - 1, Math.floor(firsts.length * part))].toFixed(0)
  return [percentile(0.5), percentile(0.99), `${enough.length} of ${count}`, peak.toFixed(0)]
}
