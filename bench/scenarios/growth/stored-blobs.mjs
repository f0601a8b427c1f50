import { createHash } from 'node:crypto'
import { link, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { ClassicLevel } from 'classic-level'
import { processorTime } from '../../clients/processor-time.mjs'
import { watchMemory } from '../../clients/resident-memory.mjs'
import { timed } from '../../clients/timed.mjs'
import { makeImage, TAG } from '../../image.mjs'
import { publish, startGateway } from '../../programs/gateway.mjs'
import { untilQuiet } from './until-quiet.mjs'

export const title = 'Blobs in the store'
export const points = [10_000, 100_000, 1_000_000]
export const columns = [
  'ready, ms',
  'processor then, s',
  'memory then, MiB',
  'first manifest, ms',
  'first blob of 1 MiB, ms',
  'a blob to the cache, ms',
  'highest memory, MiB',
  'quiet after, s',
]
/** Names of one file: less than any file system allows. */
const LINKS = 20_000
const BATCH = 10_000

/**
 * The files and records of blobs as the store has them, cached ones of a few bytes; the files are names of a few, since
 * nobody reads them. A published image among them is pulled after the start.
 */
export async function measure(scope, { main, point }) {
  const image = await makeImage(await scope.folder('image'), { seed: 'stored', sizes: [2 ** 20] })
  const store = await scope.folder('store')
  const root = await publish({ main, store, folder: image.folder })
  await fill(store, point)

  const other = await makeImage(await scope.folder('other'), { seed: 'other', sizes: [2 ** 16] })
  const source = await startGateway(scope, { main })
  const foreign = await source.publish(other.folder)

  const began = performance.now()
  const sources = ['embedded', `gateway=${source.url}`]
  const gateway = await startGateway(scope, { main, store, sources, timeout: 300_000 })
  const used = await processorTime(gateway.pid)
  const stop = watchMemory(gateway.pid, { every: 20 })
  const at = `${gateway.url}/v2/ipfs/${root}/app`
  const manifest = await timed(`${at}/manifests/${TAG}`)
  const blob = await timed(`${at}/blobs/${image.layer.digest}`)
  const { median: memory } = await stop()
  const away = `${gateway.url}/v2/ipfs/${foreign}/app`
  await timed(`${away}/manifests/${TAG}`)
  const cached = await timed(`${away}/blobs/${other.layer.digest}`)
  const stopLater = watchMemory(gateway.pid)
  await untilQuiet(gateway.pid)
  const { peak } = await stopLater()
  const quiet = (performance.now() - began) / 1000
  return [
    gateway.started.toFixed(0),
    used.toFixed(2),
    memory.toFixed(0),
    manifest.all.toFixed(1),
    blob.all.toFixed(1),
    cached.all.toFixed(1),
    peak.toFixed(0),
    quiet.toFixed(1),
  ]
}

async function fill(store, count) {
  const bytes = Buffer.from('a blob')
  const sums = new Uint8Array(Uint32Array.of(crc32(bytes)).buffer)
  const folder = join(store, 'blobs/sha256')
  for (let start = 0; start < 256; start += 1)
    await mkdir(join(folder, start.toString(16).padStart(2, '0')), { recursive: true })
  const metadata = new ClassicLevel(join(store, 'metadata'))
  await metadata.open()
  const records = metadata.sublevel('blob', { valueEncoding: 'json' })
  const sumsOf = metadata.sublevel('sums', { valueEncoding: 'view' })
  const record = { size: bytes.length, published: false, used: Date.now() }
  let file
  for (let from = 0; from < count; from += BATCH) {
    if (from % LINKS === 0) {
      file = join(store, `names-${from}`)
      await writeFile(file, bytes)
    }
    const batch = metadata.batch()
    const links = []
    for (let number = from; number < Math.min(count, from + BATCH); number += 1) {
      const hex = createHash('sha256').update(String(number)).digest('hex')
      links.push(link(file, join(folder, hex.slice(0, 2), hex)))
      batch.put(`sha256:${hex}`, record, { sublevel: records })
      batch.put(`sha256:${hex}`, sums, { sublevel: sumsOf })
    }
    await Promise.all([...links, batch.write()])
  }
  await metadata.close()
}
