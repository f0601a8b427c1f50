import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CarWriter } from '@ipld/car'
import { importBytes, importer } from 'ipfs-unixfs-importer'
import { watchMemory } from '../../clients/resident-memory.mjs'
import { timed } from '../../clients/timed.mjs'
import { makeImage, TAG } from '../../image.mjs'
import { run } from '../../process.mjs'
import { startGateway } from '../../programs/gateway.mjs'
import { median } from '../../rounds.mjs'
import { untilQuiet } from './until-quiet.mjs'

export const title = 'Repositories in one folder'
export const points = [1_000, 10_000, 100_000]
export const columns = [
  'CAR, MB',
  'import, s',
  'ready, ms',
  'first manifest, ms',
  'others, ms',
  'highest memory, MiB',
  'cold: first manifest, ms',
  'others, ms',
  'highest memory, MiB',
]
const OTHERS = 20
const PROFILE = 'unixfs-v1-2025'

/** All are the same image, whose blobs are beside them in the root. The folder is a HAMT as `ipfs add` makes them. */
export async function measure(scope, { main, point }) {
  const image = await makeImage(await scope.folder('image'), { seed: 'folder', sizes: [2 ** 16] })
  const file = join(await scope.folder('car'), 'root.car')
  const { root, size } = await writeCar(file, image, point)
  const store = await scope.folder('store')
  const began = performance.now()
  await run(process.execPath, [main, 'import', file, '--json', '--store', store], { timeout: 1_200_000 })
  const imported = (performance.now() - began) / 1000
  const warm = await startGateway(scope, { main, store })
  const fromStore = await pull(warm, root, point)
  const cold = await startGateway(scope, { main, sources: [`gateway=${warm.url}`] })
  const fromGateway = await pull(cold, root, point)
  return [(size / 1e6).toFixed(1), imported.toFixed(1), warm.started.toFixed(0), ...fromStore, ...fromGateway]
}

async function pull(gateway, root, count) {
  const stop = watchMemory(gateway.pid)
  const manifest = async (number) =>
    (await timed(`${gateway.url}/v2/ipfs/${root}/${nameOf(number)}/manifests/${TAG}`)).all
  const first = await manifest(count >> 1)
  const others = []
  for (let number = 0; number < OTHERS; number += 1)
    others.push(await manifest(Math.floor((number * count) / OTHERS)))
  await untilQuiet(gateway.pid)
  const { peak } = await stop()
  return [first.toFixed(1), median(others).toFixed(1), peak.toFixed(0)]
}

const nameOf = (number) => `repository-with-a-number-${number}`

async function writeCar(file, image, count) {
  const blocks = new Map()
  const blockstore = {
    put(cid, bytes) {
      blocks.set(cid.toString(), { cid, bytes })
      return cid
    },
  }
  const repository = await makeFolder(blockstore, [
    await addFile(blockstore, 'index.json', join(image.folder, 'app/index.json')),
  ])
  const blobs = await makeFolder(
    blockstore,
    await Promise.all(
      [image.layer, image.config, image.manifest].map((blob) =>
        addFile(blockstore, blob.digest.slice('sha256:'.length), image.fileOf(blob)),
      ),
    ),
  )
  const entries = Array.from({ length: count }, (_, number) => ({ name: nameOf(number), ...repository }))
  const { cid: root } = await makeFolder(blockstore, [
    ...entries,
    { name: 'blobs', ...(await makeFolder(blockstore, [{ name: 'sha256', ...blobs }])) },
  ])
  const { writer, out } = CarWriter.create([root])
  const writing = pipeline(Readable.from(out), createWriteStream(file))
  let size = 0
  for (const block of blocks.values()) {
    size += block.bytes.length
    await writer.put(block)
  }
  await writer.close()
  await writing
  return { root: root.toString(), size }
}

async function addFile(blockstore, name, path) {
  const { cid, size } = await importBytes(await readFile(path), blockstore, { profile: PROFILE })
  return { name, cid, dagSize: size }
}

/** A folder of what is there already: sharded where it is large, which the importer knows of finished children only. */
async function makeFolder(blockstore, children) {
  const dagBuilder = () =>
    children.map(({ name, cid, dagSize }) => async () => ({ path: name, cid, size: dagSize }))
  const options = { profile: PROFILE, wrapWithDirectory: true, dagBuilder }
  let made
  for await (const { cid, size } of importer([], blockstore, options)) made = { cid, dagSize: size }
  return made
}
