import { ANNOTATION } from '../../layout/annotation.ts'
import type { Descriptor } from '../../layout/descriptor.ts'
import { fallbackTagOf } from '../../layout/fallback-tag.ts'
import type { Manifest } from '../../layout/manifest.ts'
import { buildReferrers } from '../../layout/referrers.ts'
import type { Digest } from '../../reference/digest.ts'
import type { LayoutReferrers } from '../ipfs/layout-referrers.ts'
import { tagLink, type StorageTree } from './storage-tree.ts'
import type { TreeLinks } from './tree-links.ts'
import type { TreeLists } from './tree-lists.ts'

export interface TreeReferrersOptions {
  readonly links: TreeLinks
  readonly lists: TreeLists
  readonly known: LayoutReferrers
  readonly reader: {
    /** A manifest of the repository, whole; undefined where it has none, or it is too large. */
    bytes(digest: Digest, signal: AbortSignal): Promise<Uint8Array | undefined>
    parse(digest: Digest, bytes: Uint8Array): Manifest | undefined
  }
}

/** Manifests that are read to see what they refer to. */
const MOST_READ = 1024
/** Reads at one time. */
const CONCURRENCY = 8

/**
 * What refers to a manifest. Clients that meet a registry without the referrers API keep the list themselves, under the
 * fallback tag; where there is none, all manifests are read.
 *
 * @throws Failure CONTENT_*
 */
export async function treeReferrers(
  tree: StorageTree,
  subject: Digest,
  options: TreeReferrersOptions,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const { links, lists, known, reader } = options
  const tag = fallbackTagOf(subject)
  const listed = await links.read(tagLink(tree, tag), signal)
  const annotations = listed === undefined ? {} : { annotations: { [ANNOTATION.refName]: tag } }
  const build = async (own: AbortSignal) => {
    const digests = listed === undefined ? await lists.revisions(tree, own) : [listed.digest]
    const descriptors: Descriptor[] = []
    const waiting = digests.slice(0, MOST_READ).values()
    const readOn = async (): Promise<void> => {
      for (const digest of waiting) {
        const bytes = await reader.bytes(digest, own)
        const manifest = bytes === undefined ? undefined : reader.parse(digest, bytes)
        if (bytes === undefined || manifest === undefined) continue
        descriptors.push({ mediaType: manifest.mediaType, digest, size: bytes.length, ...annotations })
      }
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, readOn))
    descriptors.sort((a, b) => (a.digest < b.digest ? -1 : 1))
    const read = ({ digest }: Descriptor, { signal: reading }: { signal: AbortSignal }) =>
      reader.bytes(digest, reading)
    return buildReferrers({ descriptors }, { read }, { signal: own })
  }
  return known.of(listed === undefined ? tree.key : `${tree.key}@${listed.digest}`, subject, build, signal)
}
