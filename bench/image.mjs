import { createCipheriv, createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { once } from 'node:events'

const MiB = 2 ** 20
export const TAG = 'v1'
export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'

/** Bytes of eight layers: an image of ten objects, as real ones are, of 107 MiB. */
export const TEN_OBJECTS = [40, 30, 20, 10, 5, 1, 0.5, 0.1].map((size) => Math.round(size * MiB))

/**
 * An image in a layout at `<folder>/<path>`, with one layer for each of `sizes` (bytes): they look random and are the
 * same for the same seed, so that nothing compresses them or finds two blocks alike.
 */
export async function makeImage(folder, { seed, sizes, path = 'app' }) {
  const layout = join(folder, path)
  const blobs = join(layout, 'blobs/sha256')
  await mkdir(blobs, { recursive: true })
  const layers = []
  for (const [index, size] of sizes.entries()) layers.push(await writeNoise(blobs, `${seed} ${index}`, size))
  const config = await writeJson(blobs, {
    architecture: 'amd64',
    os: 'linux',
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['/bin/sh'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    history: Array.from({ length: 8 }, (_, step) => ({ created_by: `/bin/sh -c step ${step} of ${seed}` })),
  })
  const manifest = await writeJson(blobs, {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers: layers.map((layer) => ({ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer })),
  })
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  const annotations = { 'org.opencontainers.image.ref.name': TAG }
  const index = { schemaVersion: 2, manifests: [{ mediaType: MANIFEST_TYPE, ...manifest, annotations }] }
  await writeFile(join(layout, 'index.json'), JSON.stringify(index))
  const fileOf = ({ digest }) => join(blobs, digest.slice('sha256:'.length))
  const size = [...layers, config, manifest].reduce((sum, object) => sum + object.size, 0)
  return { folder, layers, layer: layers[0], config, manifest, size, fileOf }
}

async function writeNoise(blobs, seed, size) {
  const cipher = createCipheriv('aes-256-ctr', createHash('sha256').update(seed).digest(), Buffer.alloc(16))
  const hash = createHash('sha256')
  const zeros = Buffer.alloc(MiB)
  const file = createWriteStream(join(blobs, 'layer'))
  for (let left = size; left > 0; left -= MiB) {
    const piece = cipher.update(left < MiB ? zeros.subarray(0, left) : zeros)
    hash.update(piece)
    if (!file.write(piece)) await once(file, 'drain')
  }
  file.end()
  await once(file, 'close')
  const hex = hash.digest('hex')
  await rename(join(blobs, 'layer'), join(blobs, hex))
  return { digest: `sha256:${hex}`, size }
}

async function writeJson(blobs, value) {
  const bytes = Buffer.from(JSON.stringify(value))
  const hex = createHash('sha256').update(bytes).digest('hex')
  await writeFile(join(blobs, hex), bytes)
  return { digest: `sha256:${hex}`, size: bytes.length }
}
