import type { Digest } from '../reference/digest.ts'
import { isDigest } from '../reference/digest.ts'
import { ANNOTATION } from './annotation.ts'
import type { Descriptor } from './descriptor.ts'
import { nameOf } from './entry-name.ts'
import { fallbackTagOf, isDigestTag, isFallbackTag } from './fallback-tag.ts'
import type { LayoutIndex } from './image-index.ts'
import type { Manifest } from './manifest.ts'
import type { ManifestReader } from './manifest-reader.ts'
import { MAX_INDEX_DEPTH, visitManifests } from './manifest-reader.ts'
import { isManifestType } from './media-type.ts'

/**
 * Who refers to whom in a layout: the digest of a subject → its referrers, in the order of index.json; and a fallback
 * tag → what it lists, since a sha512 digest can't be told from its tag. To be read with {@link referrersIn}.
 */
export type Referrers = ReadonlyMap<string, readonly Descriptor[]>

/** Manifests that are read for one layout; of a larger one those that are likely to be referrers come first. */
const MAX_READ = 1024

/** What a manifest that was read tells about referrers. */
interface Finding {
  /** As the referrers API shows it (distribution-spec, "Listing Referrers"). */
  readonly descriptor: Descriptor
  readonly subject: Digest | undefined
  readonly children: readonly Descriptor[]
}

/**
 * Find all referrers of a layout, by reading what index.json lists and the children of indexes. The answer stays
 * right as long as index.json is the same.
 *
 * @throws what the reader throws
 */
export async function buildReferrers(
  index: Pick<LayoutIndex, 'descriptors'>,
  reader: ManifestReader,
  options: { signal: AbortSignal },
): Promise<Referrers> {
  const entries = index.descriptors.filter(mayBeManifest)
  const findings = await readAll(entries, reader, options)
  const referrers = new ReferrerLists()

  for (const { descriptor, subject } of findings.values()) {
    if (subject !== undefined) referrers.add(subject, descriptor)
  }
  for (const entry of entries) {
    const subject = entry.annotations?.[ANNOTATION.manifestSubject]
    if (subject !== undefined && isDigest(subject)) {
      referrers.add(subject, findings.get(entry.digest)?.descriptor ?? withoutEntryFields(entry))
    }
  }
  for (const entry of entries) {
    const { tag = '' } = nameOf(entry)
    if (!isFallbackTag(tag)) continue
    for (const child of findings.get(entry.digest)?.children ?? []) {
      const referrer = findings.get(child.digest)?.descriptor ?? withoutEntryFields(child)
      referrers.add(tag, referrer)
    }
  }
  return referrers.bySubject
}

/** The referrers of one manifest. */
export function referrersIn(referrers: Referrers, subject: Digest): readonly Descriptor[] {
  const direct = referrers.get(subject) ?? []
  const digests = new Set(direct.map(({ digest }) => digest))
  const listed = referrers.get(fallbackTagOf(subject)) ?? []
  return [...direct, ...listed.filter(({ digest }) => !digests.has(digest))]
}

/**
 * The referrers of one manifest, read afresh; see {@link buildReferrers} for what to keep.
 *
 * @throws what the reader throws
 */
export async function referrersOf(
  index: LayoutIndex,
  subject: Digest,
  reader: ManifestReader,
  options: { signal: AbortSignal },
): Promise<readonly Descriptor[]> {
  return referrersIn(await buildReferrers(index, reader, options), subject)
}

/** Read level by level, and give the findings in that order. */
async function readAll(
  entries: readonly Descriptor[],
  reader: ManifestReader,
  options: { signal: AbortSignal },
): Promise<Map<Digest, Finding>> {
  const findings = new Map<Digest, Finding>()
  const seen = new Set<Digest>()
  let level: readonly Descriptor[] = entries.length > MAX_READ ? likelyFirst(entries) : entries
  for (let depth = 0; depth <= MAX_INDEX_DEPTH && level.length > 0; depth++) {
    const batch = takeUnseen(level, seen)
    const found = new Map<Digest, Finding>()
    const visit = (descriptor: Descriptor, manifest: Manifest, size: number): void => {
      found.set(descriptor.digest, findingOf(descriptor, manifest, size))
    }
    await visitManifests(reader, batch, visit, options)
    const next = new Map<Digest, Descriptor>()
    for (const { digest } of batch) {
      const finding = found.get(digest)
      if (finding === undefined) continue
      findings.set(digest, finding)
      for (const child of finding.children) {
        if (next.size < MAX_READ && mayBeManifest(child)) next.set(child.digest, child)
      }
    }
    level = [...next.values()]
  }
  return findings
}

function takeUnseen(level: readonly Descriptor[], seen: Set<Digest>): Descriptor[] {
  const batch: Descriptor[] = []
  for (const descriptor of level) {
    if (seen.size >= MAX_READ) break
    if (seen.has(descriptor.digest)) continue
    seen.add(descriptor.digest)
    batch.push(descriptor)
  }
  return batch
}

function findingOf({ digest }: Descriptor, manifest: Manifest, size: number): Finding {
  const { mediaType, artifactType, annotations } = manifest
  return {
    descriptor: {
      mediaType,
      digest,
      size,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    subject: manifest.subject?.digest,
    children: manifest.kind === 'index' ? manifest.manifests : [],
  }
}

function mayBeManifest({ mediaType }: Descriptor): boolean {
  return mediaType === '' || isManifestType(mediaType)
}

function likelyFirst(entries: readonly Descriptor[]): Descriptor[] {
  const rank = (entry: Descriptor): number => {
    const { tag } = nameOf(entry)
    if (entry.annotations?.[ANNOTATION.manifestSubject] !== undefined) return 0
    if (entry.artifactType !== undefined || (tag !== undefined && isDigestTag(tag))) return 1
    return tag === undefined ? 2 : 3
  }
  return entries
    .map((entry) => ({ entry, rank: rank(entry) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ entry }) => entry)
}

/** A referrer whose manifest was not read, without what only index.json has to say. */
function withoutEntryFields({
  mediaType,
  digest,
  size,
  artifactType,
  annotations = {},
}: Descriptor): Descriptor {
  const own = Object.entries(annotations).filter(
    ([key]) => !(Object.values(ANNOTATION) as string[]).includes(key),
  )
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(own.length === 0 ? {} : { annotations: Object.fromEntries(own) }),
  }
}

class ReferrerLists {
  readonly bySubject = new Map<string, Descriptor[]>()
  readonly #added = new Set<string>()

  /** Each referrer of a subject once. */
  add(subject: string, referrer: Descriptor): void {
    const pair = `${subject} ${referrer.digest}`
    if (this.#added.has(pair)) return
    this.#added.add(pair)
    const list = this.bySubject.get(subject)
    if (list === undefined) this.bySubject.set(subject, [referrer])
    else list.push(referrer)
  }
}
