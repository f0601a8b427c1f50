import { rm } from 'node:fs/promises'
import { curlTimes } from '../../clients/curl.mjs'
import { watchMemory } from '../../clients/resident-memory.mjs'
import { makeImage, TAG } from '../../image.mjs'
import { timed } from '../../clients/timed.mjs'
import { publish, startGateway } from '../../programs/gateway.mjs'
import { startKubo } from '../../programs/kubo.mjs'

export const title = 'Size of a blob, MiB'
export const points = [64, 1024, 10_240]
export const columns = [
  'publish, s',
  'warm: first byte, ms',
  'GB/s',
  'highest memory, MiB',
  'cold: first byte, ms',
  'GB/s',
  'highest memory, MiB',
  'source',
]
/** MiB up to which a Kubo is the source; beyond, the gateway that it was published to. */
const INTO_KUBO = 1024

/** On the disk are the image and one copy of it at most, as each goes when the next copy is made. */
export async function measure(scope, { main, point }) {
  const image = await makeImage(await scope.folder('image'), { seed: 'growth', sizes: [point * 2 ** 20] })
  const useKubo = point <= INTO_KUBO
  const kubo = useKubo ? await startKubo(scope) : undefined
  const kuboRoot = await kubo?.add(image.folder)
  const store = await scope.folder('store')
  const began = performance.now()
  const root = await publish({ main, store, folder: image.folder })
  const published = (performance.now() - began) / 1000
  await rm(image.folder, { recursive: true })

  const first = await startGateway(scope, { main, store })
  const warm = await read(first, root, image)
  const source = useKubo ? `kubo=${kubo.api}` : `gateway=${first.url}`
  const second = await startGateway(scope, { main, sources: [source] })
  const cold = await read(second, kuboRoot ?? root, image)
  return [published.toFixed(1), ...cells(warm), ...cells(cold), useKubo ? 'Kubo' : 'trustless gateway']
}

async function read(gateway, root, { layer }) {
  const repository = `${gateway.url}/v2/ipfs/${root}/app`
  await timed(`${repository}/manifests/${TAG}`)
  const stop = watchMemory(gateway.pid)
  const { first, speed, bytes } = await curlTimes(`${repository}/blobs/${layer.digest}`)
  if (bytes !== layer.size) throw new Error(`${bytes} of ${layer.size} bytes`)
  return { first: first * 1000, speed, memory: (await stop()).peak }
}

const cells = ({ first, speed, memory }) => [first.toFixed(0), speed.toFixed(2), memory.toFixed(0)]
