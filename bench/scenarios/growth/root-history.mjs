import { createHash } from 'node:crypto'
import { watchMemory } from '../../clients/resident-memory.mjs'
import { timed } from '../../clients/timed.mjs'
import { folderSize } from '../../folder-size.mjs'
import { MANIFEST_TYPE, TAG } from '../../image.mjs'
import { startGateway } from '../../programs/gateway.mjs'
import { median } from '../../rounds.mjs'

export const title = 'Versions in the history of a pushed root'
export const points = [10, 100, 1_000]
export const columns = [
  'a push (the last ten), ms',
  'ready, ms',
  'first tags/list, ms',
  'first manifest by tag, ms',
  'first push, ms',
  'highest memory, MiB',
  'store, MB',
]
const REPOSITORY = 'team/app'

/** One tag is pushed again and again, each time with another manifest; all roots are kept. Then after a start. */
export async function measure(scope, { main, point }) {
  const store = await scope.folder('store')
  const options = { main, store, push: true, more: ['--root-history', '10000'] }
  const filling = scope.inner()
  const first = await startGateway(filling, options)
  const config = await pushConfig(first.url)
  const times = []
  for (let number = 0; number < point; number += 1) times.push(await push(first.url, config, number))
  await filling.end()
  const gateway = await startGateway(scope, options)
  const stop = watchMemory(gateway.pid)
  const tags = await timed(`${gateway.url}/v2/${REPOSITORY}/tags/list`)
  const manifest = await timed(`${gateway.url}/v2/${REPOSITORY}/manifests/${TAG}`)
  const pushed = await push(gateway.url, config, point)
  const { peak } = await stop()
  const { size } = await folderSize(store)
  return [
    median(times.slice(-10)).toFixed(1),
    gateway.started.toFixed(0),
    tags.all.toFixed(1),
    manifest.all.toFixed(1),
    pushed.toFixed(1),
    peak.toFixed(0),
    (size / 1e6).toFixed(1),
  ]
}

async function pushConfig(url) {
  const bytes = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux' }))
  const digest = digestOf(bytes)
  const { headers } = await timed(`${url}/v2/${REPOSITORY}/blobs/uploads/`, { method: 'POST' })
  const target = new URL(headers.location, url)
  target.searchParams.set('digest', digest)
  await timed(target, { method: 'PUT', body: bytes })
  return { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: bytes.length }
}

/** ms of a push of a manifest. */
async function push(url, config, number) {
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config,
    layers: [],
    annotations: { n: `${number}` },
  }
  const { all } = await timed(`${url}/v2/${REPOSITORY}/manifests/${TAG}`, {
    method: 'PUT',
    headers: { 'content-type': MANIFEST_TYPE },
    body: JSON.stringify(manifest),
  })
  return all
}

const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
