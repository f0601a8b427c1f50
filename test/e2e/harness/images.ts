import { createCipheriv, createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { run } from './child.ts'

export interface ImageOptions {
  /** Default linux/amd64. */
  readonly architecture?: string
  /** Bytes of each layer's one file; it does not compress, so the layer is about as large. */
  readonly layers: readonly number[]
  /** Images of one seed are the same, of another have no layer in common. */
  readonly seed: string
}

/** Bytes that look random and are the same for the same seed. */
export function noise(seed: string, bytes: number): Buffer {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes))
}

/** Make an image by umoci in a layout folder, which is made if it is not there, under a tag. */
export async function makeImage(layout: string, tag: string, options: ImageOptions): Promise<void> {
  const image = `${layout}:${tag}`
  const exists = await readFile(join(layout, 'oci-layout')).catch(() => undefined)
  if (exists === undefined) {
    await mkdir(dirname(layout), { recursive: true })
    await run('umoci', ['init', '--layout', layout])
  }
  await run('umoci', ['new', '--image', image])
  for (const [i, bytes] of options.layers.entries()) {
    const file = `${layout}.${tag}.${i}`
    await writeFile(file, noise(`${options.seed}/${i}`, bytes))
    await run('umoci', ['insert', '--image', image, file, `/data/${i}`])
    await rm(file)
  }
  const platform = ['--os', 'linux', '--architecture', options.architecture ?? 'amd64']
  await run('umoci', ['config', '--image', image, ...platform, '--config.cmd', '/data/0'])
  await run('umoci', ['gc', '--layout', layout])
}

/** Join tags of a layout to an index for linux, tag by architecture, by regctl. */
export async function makeIndex(
  layout: string,
  tag: string,
  byArchitecture: Record<string, string>,
): Promise<void> {
  let action = 'create'
  for (const [architecture, member] of Object.entries(byArchitecture)) {
    await run('regctl', [
      ...['index', action, `ocidir://${layout}:${tag}`],
      ...['--ref', `ocidir://${layout}:${member}`, '--desc-platform', `linux/${architecture}`],
    ])
    action = 'add'
  }
}

export interface Descriptor {
  readonly mediaType?: string
  readonly digest: string
  readonly size: number
  readonly platform?: { readonly os: string; readonly architecture: string }
  readonly annotations?: Record<string, string>
}

export interface Manifest {
  readonly mediaType?: string
  readonly manifests?: readonly Descriptor[]
  readonly config?: Descriptor
  readonly layers?: readonly Descriptor[]
}

/** What a layout's index.json says of a tag. */
export async function descriptorOf(layout: string, tag: string): Promise<Descriptor> {
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as Manifest
  const found = index.manifests?.filter(
    (entry) => entry.annotations?.['org.opencontainers.image.ref.name'] === tag,
  )
  if (found?.[0] === undefined) throw new Error(`${layout} has no ${tag}`)
  return found[0]
}

export async function manifestOf(layout: string, digest: string): Promise<Manifest> {
  return JSON.parse(await readFile(blobFile(layout, digest), 'utf8')) as Manifest
}

/** Where a layout keeps a blob. */
export function blobFile(layout: string, digest: string): string {
  return join(layout, 'blobs', ...digest.split(':'))
}

/** Every object of an image: its manifest (or index and all its manifests), configs and layers, each once. */
export async function objectsOf(layout: string, digest: string, size: number): Promise<Descriptor[]> {
  const manifest = await manifestOf(layout, digest)
  const below = await Promise.all(
    (manifest.manifests ?? []).map((child) => objectsOf(layout, child.digest, child.size)),
  )
  const own = manifest.config === undefined ? [] : [manifest.config, ...(manifest.layers ?? [])]
  const all = [{ digest, size }, ...below.flat(), ...own]
  return [...new Map(all.map((object) => [object.digest, object])).values()]
}

/** The sha256 digest of a file. */
export async function digestOfFile(path: string): Promise<string> {
  return `sha256:${createHash('sha256')
    .update(await readFile(path))
    .digest('hex')}`
}
