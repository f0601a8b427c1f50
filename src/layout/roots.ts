import type { Digest } from '../reference/digest.ts'
import { ANNOTATION } from './annotation.ts'
import type { Candidate } from './candidates.ts'
import { distinctDigests } from './candidates.ts'
import type { Descriptor } from './descriptor.ts'
import { isDigestTag } from './fallback-tag.ts'
import type { Manifest } from './manifest.ts'
import type { ManifestReader } from './manifest-reader.ts'
import { MAX_INDEX_DEPTH, visitManifests } from './manifest-reader.ts'
import { isUnknownPlatform } from './platform.ts'
import { isImageConfigType, isImageManifestType, isIndexType } from './media-type.ts'

/** Manifests that are read to tell roots from what belongs to them; in larger layouts only what is named is a root. */
const MAX_READ = 64

/**
 * The candidates that stand for themselves: not the child of another one's index, not a referrer, not an attestation.
 * One per digest, in file order, with its media type.
 */
export interface Roots {
  readonly named: readonly Candidate[]
  readonly unnamed: readonly Candidate[]
}

/** Find the roots of a layout, reading its manifests as far as needed. */
export async function findRoots(
  candidates: readonly Candidate[],
  reader: ManifestReader,
  options: { signal: AbortSignal; withUnnamed: boolean },
): Promise<Roots> {
  const standing = candidates.filter((candidate) => !isAttached(candidate))
  const distinct = distinctDigests(candidates).size
  if (distinct > MAX_READ) {
    const { named, unnamed } = byName(standing)
    return named.length > 0 ? { named, unnamed: [] } : { named, unnamed }
  }
  const known = new KnownManifests(reader, options.signal)
  const children =
    distinct > 1
      ? await known.childrenUnder(candidates.map(({ descriptor }) => descriptor))
      : new Set<Digest>()
  const { named, unnamed } = byName(standing.filter(({ descriptor }) => !children.has(descriptor.digest)))
  const namedRoots = await known.withoutSubject(named)
  // An unnamed entry beside a named one is what a tool left behind when a name moved.
  if (namedRoots.length > 0 && !options.withUnnamed) return { named: namedRoots, unnamed: [] }
  return { named: namedRoots, unnamed: await known.withoutSubject(unnamed) }
}

/** Whether the entry says itself that it belongs to another manifest. */
function isAttached({ descriptor, name }: Candidate): boolean {
  const { artifactType, platform, annotations } = descriptor
  const kind = annotations?.[ANNOTATION.cosignKind]
  return (
    (artifactType !== undefined && !isImageConfigType(artifactType)) ||
    (name.tag !== undefined && isDigestTag(name.tag)) ||
    isUnknownPlatform(platform) ||
    (kind !== undefined && /^dev\.cosignproject\.cosign\/(?!image)/.test(kind))
  )
}

function byName(candidates: readonly Candidate[]): { named: Candidate[]; unnamed: Candidate[] } {
  const isNamed = ({ name }: Candidate): boolean =>
    name.refName !== undefined || name.repository !== undefined
  const named = firstOfEach(candidates.filter(isNamed))
  const digests = distinctDigests(named)
  const unnamed = firstOfEach(candidates.filter(({ descriptor }) => !digests.has(descriptor.digest)))
  return { named, unnamed }
}

function firstOfEach(candidates: readonly Candidate[]): Candidate[] {
  const seen = new Set<Digest>()
  return candidates.filter(({ descriptor }) => !seen.has(descriptor.digest) && seen.add(descriptor.digest))
}

/** What matters here of a manifest. */
interface Seen {
  readonly mediaType: string
  readonly hasSubject: boolean
}

/** What has been read of a layout's manifests, so that none is read twice. */
class KnownManifests {
  readonly #reader: ManifestReader
  readonly #signal: AbortSignal
  readonly #seen = new Map<Digest, Seen | undefined>()
  readonly #children = new Set<Digest>()

  constructor(reader: ManifestReader, signal: AbortSignal) {
    this.#reader = reader
    this.#signal = signal
  }

  /** Digests of everything below the indexes among `descriptors`. */
  async childrenUnder(descriptors: readonly Descriptor[]): Promise<ReadonlySet<Digest>> {
    let level: Iterable<Descriptor> = descriptors.filter(({ mediaType }) => !isImageManifestType(mediaType))
    for (let depth = 0; depth < MAX_INDEX_DEPTH; depth++) level = await this.#read(level)
    return this.#children
  }

  /** Those that the layout holds and that refer to no other manifest. */
  async withoutSubject(candidates: readonly Candidate[]): Promise<Candidate[]> {
    await this.#read(candidates.map(({ descriptor }) => descriptor))
    return candidates.flatMap((candidate) => {
      const seen = this.#seen.get(candidate.descriptor.digest)
      if (seen === undefined || seen.hasSubject) return []
      return [{ ...candidate, descriptor: { ...candidate.descriptor, mediaType: seen.mediaType } }]
    })
  }

  /** @returns the indexes inside those that were read just now */
  async #read(descriptors: Iterable<Descriptor>): Promise<Iterable<Descriptor>> {
    const unread = [...descriptors].filter(({ digest }) => !this.#seen.has(digest))
    const batch = unread.slice(0, Math.max(0, 4 * MAX_READ - this.#seen.size))
    for (const { digest } of batch) this.#seen.set(digest, undefined)
    const inner = new Map<Digest, Descriptor>()
    const visit = ({ digest }: Descriptor, manifest: Manifest): void => {
      const { mediaType, subject } = manifest
      this.#seen.set(digest, { mediaType, hasSubject: subject !== undefined })
      if (manifest.kind !== 'index') return
      for (const child of manifest.manifests) {
        this.#children.add(child.digest)
        if (isIndexType(child.mediaType)) inner.set(child.digest, child)
      }
    }
    await visitManifests(this.#reader, batch, visit, { signal: this.#signal })
    return inner.values()
  }
}
