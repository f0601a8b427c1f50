import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { watchMemory } from '../../clients/resident-memory.mjs'
import { timed } from '../../clients/timed.mjs'
import { makeImage, MANIFEST_TYPE } from '../../image.mjs'
import { publish, startGateway } from '../../programs/gateway.mjs'
import { median } from '../../rounds.mjs'
import { untilQuiet } from './until-quiet.mjs'

export const title = 'Tags in one index.json'
export const points = [100, 1_000, 10_000]
export const columns = [
  'publish, s',
  'ready, ms',
  'first manifest by tag, ms',
  'others, ms',
  'tags/list, ms',
  'highest memory, MiB',
  'cold: first, ms',
  'others, ms',
  'tags/list, ms',
  'highest memory, MiB',
]
const OTHERS = 20

/** Each tag has a manifest of its own. Warm is from the store, after a start; cold from that gateway, without a cache. */
export async function measure(scope, { main, point }) {
  const image = await makeImage(await scope.folder('image'), { seed: 'tags', sizes: [2 ** 16] })
  await writeTags(image, point)
  const store = await scope.folder('store')
  const began = performance.now()
  const root = await publish({ main, store, folder: image.folder })
  const published = (performance.now() - began) / 1000
  const warm = await startGateway(scope, { main, store })
  const fromStore = await pull(warm, root, point)
  const cold = await startGateway(scope, { main, sources: [`gateway=${warm.url}`] })
  const fromGateway = await pull(cold, root, point)
  return [published.toFixed(1), warm.started.toFixed(0), ...fromStore, ...fromGateway]
}

async function pull(gateway, root, count) {
  const repository = `${gateway.url}/v2/ipfs/${root}/app`
  const stop = watchMemory(gateway.pid)
  const manifest = async (number) => {
    const { all } = await timed(`${repository}/manifests/${tagOf(number)}`, {
      headers: { accept: MANIFEST_TYPE },
    })
    return all
  }
  const first = await manifest(count >> 1)
  const others = []
  for (let number = 0; number < OTHERS; number += 1)
    others.push(await manifest(Math.floor((number * count) / OTHERS)))
  const list = await timed(`${repository}/tags/list`)
  if (JSON.parse(list.body.toString()).tags.length !== count) throw new Error('tags are missing')
  await untilQuiet(gateway.pid)
  const { peak } = await stop()
  return [first, median(others), list.all, peak].map((figure, at) => figure.toFixed(at === 3 ? 0 : 1))
}

const tagOf = (number) => `v${number}`

async function writeTags({ folder, layer, config, fileOf }, count) {
  const manifests = []
  for (let number = 0; number < count; number += 1) {
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MANIFEST_TYPE,
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
        layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
        annotations: { number: String(number) },
      }),
    )
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    await writeFile(fileOf({ digest }), bytes)
    const annotations = { 'org.opencontainers.image.ref.name': tagOf(number) }
    manifests.push({ mediaType: MANIFEST_TYPE, digest, size: bytes.length, annotations })
  }
  await writeFile(join(folder, 'app/index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
}
