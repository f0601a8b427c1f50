import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { noise } from '../harness/images.ts'

/** Bytes of layers where their bytes matter: one piece or many, in one block or several, before and behind what is kept in memory. */
const SIZES = [150_000, 400_000, 1_200_000] as const

/** An image of its own for each case, so that each is cold, with one artifact that refers to it. */
export interface CaseImage {
  /** Folder below the root, and the repository's name in a registry. */
  readonly name: string
  readonly manifest: Blob
  readonly config: Blob
  readonly layer: Blob
  readonly artifact: Blob
  /** Where parts are asked for, and the digests of what is there; ends are not part of it. */
  readonly range: Part
  readonly ranges: readonly [Part, Part]
}

export interface Part {
  readonly start: number
  readonly end: number
  readonly digest: string
}

export interface Blob {
  readonly digest: string
  readonly mediaType: string
  /** Undefined once it is written, where it is large. */
  bytes: Buffer | undefined
  readonly size: number
}

const OCI = 'application/vnd.oci.image'
/** What a layout with one image calls it anyway. */
export const TAG = 'latest'
export const INDEX_TYPE = `${OCI}.index.v1+json`
export const ARTIFACT_TYPE = 'application/vnd.example.note'

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

export function hexOf({ digest }: { digest: string }): string {
  return digest.slice('sha256:'.length)
}

/** @param large whether the bytes of the layer matter */
export function makeCaseImage(name: string, seed: string, large: boolean): CaseImage {
  const pick = createHash('sha256').update(`${seed}/size`).digest().readUInt8(0) % SIZES.length
  const size = large ? (SIZES[pick] ?? SIZES[0]) : 2_000
  const layer = blobOf(noise(`${seed}/layer`, size), `${OCI}.layer.v1.tar`)
  const config = blobOf(jsonOf({ architecture: 'amd64', os: 'linux', seed }), `${OCI}.config.v1+json`)
  const empty = blobOf(Buffer.from('{}'), 'application/vnd.oci.empty.v1+json')
  const manifest = blobOf(
    jsonOf({
      schemaVersion: 2,
      mediaType: `${OCI}.manifest.v1+json`,
      config: descriptorOf(config),
      layers: [descriptorOf(layer)],
    }),
    `${OCI}.manifest.v1+json`,
  )
  const artifact = blobOf(
    jsonOf({
      schemaVersion: 2,
      mediaType: `${OCI}.manifest.v1+json`,
      artifactType: ARTIFACT_TYPE,
      config: descriptorOf(empty),
      layers: [descriptorOf(empty)],
      subject: descriptorOf(manifest),
      annotations: { seed },
    }),
    `${OCI}.manifest.v1+json`,
  )
  const { bytes } = layer
  const part = (start: number, end: number): Part => ({
    start,
    end,
    digest: digestOf((bytes ?? Buffer.alloc(0)).subarray(start, end)),
  })
  const tenth = Math.floor(size / 10)
  return {
    name,
    manifest,
    config,
    layer,
    artifact,
    range: part(4 * tenth, 6 * tenth),
    ranges: [part(tenth, 2 * tenth), part(7 * tenth, 8 * tenth)],
  }
}

export const EMPTY_BLOB = Buffer.from('{}')

/** The image as a layout, in `folder` by its name. */
export async function writeLayout(folder: string, image: CaseImage): Promise<void> {
  const { manifest, config, layer, artifact } = image
  const layout = join(folder, image.name)
  const blobs = join(layout, 'blobs/sha256')
  await mkdir(blobs, { recursive: true })
  const tagged = { ...descriptorOf(manifest), annotations: { 'org.opencontainers.image.ref.name': TAG } }
  const index = { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [tagged, descriptorOf(artifact)] }
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  await writeFile(join(layout, 'index.json'), jsonOf(index))
  await writeFile(join(blobs, hexOf({ digest: digestOf(EMPTY_BLOB) })), EMPTY_BLOB)
  for (const blob of [manifest, config, layer, artifact]) {
    await writeFile(join(blobs, hexOf(blob)), blob.bytes ?? Buffer.alloc(0))
  }
}

/** Put the image into a registry. */
export async function pushImage(registry: string, repository: string, image: CaseImage): Promise<void> {
  const { manifest, config, layer, artifact } = image
  const base = `${registry}/v2/${repository}`
  for (const bytes of [EMPTY_BLOB, config.bytes, layer.bytes]) {
    const begun = await fetch(`${base}/blobs/uploads/`, { method: 'POST' })
    await begun.body?.cancel()
    const location = new URL(begun.headers.get('location') ?? '', registry)
    location.searchParams.set('digest', digestOf(bytes ?? Buffer.alloc(0)))
    await put(location.href, bytes, 'application/octet-stream')
  }
  await put(`${base}/manifests/${TAG}`, manifest.bytes, manifest.mediaType)
  await put(`${base}/manifests/${artifact.digest}`, artifact.bytes, artifact.mediaType)
  // The referrers tag of OCI's distribution spec, for registries without the API.
  const referrers = { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [referrerOf(artifact)] }
  await put(`${base}/manifests/sha256-${hexOf(manifest)}`, jsonOf(referrers), INDEX_TYPE)
}

async function put(url: string, bytes: Buffer | undefined, type: string): Promise<void> {
  const body = new Uint8Array(bytes ?? Buffer.alloc(0))
  const answer = await fetch(url, { method: 'PUT', headers: { 'content-type': type }, body })
  if (answer.status !== 201) throw new Error(`PUT ${url}: ${answer.status} ${await answer.text()}`)
  await answer.body?.cancel()
}

function blobOf(bytes: Buffer, mediaType: string): Blob {
  return { digest: digestOf(bytes), mediaType, bytes, size: bytes.length }
}

function descriptorOf({ digest, mediaType, size }: Blob): object {
  return { mediaType, digest, size }
}

function referrerOf(artifact: Blob): object {
  return { ...descriptorOf(artifact), artifactType: ARTIFACT_TYPE }
}

function jsonOf(value: object): Buffer {
  return Buffer.from(JSON.stringify(value))
}
