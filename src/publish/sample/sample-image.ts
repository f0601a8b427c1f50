import { createHash } from 'node:crypto'
import { pack } from 'tar-stream'
import { MEDIA_TYPE } from '../../layout/descriptor.ts'
import type { Descriptor } from '../../layout/descriptor.ts'
import { digestOf, encodedOf } from '../../reference/digest.ts'
import { greetingElf } from './greeting-elf.ts'
import type { SampleArchitecture } from './greeting-elf.ts'

/** Folder of the sample's layout under its root. */
export const SAMPLE_NAME = 'hello'
export const SAMPLE_TAG = '1.0'

/** What the sample prints. */
export const SAMPLE_GREETING =
  'Hello from IPFS!\n' + 'Every byte of this image was checked against its address on the way here.\n'

const EPOCH = '1970-01-01T00:00:00Z'
const PLATFORMS: readonly { os: 'linux'; architecture: SampleArchitecture; variant?: string }[] = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64', variant: 'v8' },
]

/**
 * The sample image: an OCI image layout for linux/amd64 and linux/arm64, made from nothing and the same to the byte
 * on every machine. The layer is not compressed, because zlib's output differs between versions.
 *
 * @returns path under the root → content
 */
export async function sampleFiles(): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  const addBlob = (mediaType: string, bytes: Uint8Array): Descriptor => {
    const digest = digestOf('sha256', createHash('sha256').update(bytes).digest('hex'))
    files.set(`${SAMPLE_NAME}/blobs/sha256/${encodedOf(digest)}`, bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const addJson = (mediaType: string, document: object) => addBlob(mediaType, json(document))

  const manifests = []
  for (const platform of PLATFORMS) {
    const executable = greetingElf(platform.architecture, Buffer.from(SAMPLE_GREETING))
    const layer = addBlob('application/vnd.oci.image.layer.v1.tar', await layerWith('hello', executable))
    const config = addJson('application/vnd.oci.image.config.v1+json', {
      created: EPOCH,
      ...platform,
      config: { Entrypoint: ['/hello'], WorkingDir: '/' },
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
      history: [{ created: EPOCH, comment: 'a greeting, assembled by hand' }],
    })
    const manifest = addJson(MEDIA_TYPE.ociManifest, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociManifest,
      config,
      layers: [layer],
    })
    manifests.push({ ...manifest, platform })
  }
  const index = addJson(MEDIA_TYPE.ociIndex, { schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests })

  const annotations = { 'org.opencontainers.image.ref.name': SAMPLE_TAG }
  files.set(
    `${SAMPLE_NAME}/index.json`,
    json({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [{ ...index, annotations }] }),
  )
  files.set(`${SAMPLE_NAME}/oci-layout`, json({ imageLayoutVersion: '1.0.0' }))
  return files
}

function json(document: object): Uint8Array {
  return Buffer.from(JSON.stringify(document))
}

/** A tar with one executable file of root, dated to the epoch. */
async function layerWith(name: string, executable: Uint8Array): Promise<Uint8Array> {
  const archive = pack()
  archive.entry({ name, mode: 0o755, uid: 0, gid: 0, mtime: new Date(0) }, Buffer.from(executable))
  archive.finalize()
  const pieces: Uint8Array[] = []
  for await (const piece of archive as AsyncIterable<Uint8Array>) pieces.push(piece)
  return Buffer.concat(pieces)
}
