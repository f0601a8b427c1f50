import { brought, download } from './download.ts'
import type { Download } from './download.ts'
import { descriptorOf, manifestOf } from './images.ts'

/** What of an image did not come whole and right. */
export interface Missing {
  readonly path: string
  readonly got: Download
}

/** The paths of an image of one platform below `/v2/<repository>/`, and the digest of what is there. */
export async function pathsOf(layout: string, tag: string): Promise<[string, string][]> {
  const { digest } = await descriptorOf(layout, tag)
  const { config, layers = [] } = await manifestOf(layout, digest)
  const blobs = [config?.digest ?? '', ...layers.map((layer) => layer.digest)]
  return [
    [`manifests/${tag}`, digest],
    [`manifests/${digest}`, digest],
    ...blobs.map((blob): [string, string] => [`blobs/${blob}`, blob]),
  ]
}

/**
 * Get an image of a layout's from a registry as a client would.
 *
 * @param repository the URL of the registry, `/v2/` and the repository's name
 */
export async function downloadImage(
  repository: string,
  layout: string,
  tag: string,
  headers: Record<string, string> = {},
): Promise<Missing[]> {
  const missing: Missing[] = []
  for (const [path, digest] of await pathsOf(layout, tag)) {
    const got = await download(`${repository}/${path}`, { headers })
    if (!brought(got, digest)) missing.push({ path, got })
  }
  return missing
}
