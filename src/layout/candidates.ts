import type { Digest } from '../reference/digest.ts'
import { ANNOTATION } from './annotation.ts'
import type { Descriptor } from './descriptor.ts'
import type { EntryName } from './entry-name.ts'
import { nameOf } from './entry-name.ts'
import { isManifestType } from './media-type.ts'
import type { ManifestReader } from './manifest-reader.ts'
import { visitManifests } from './manifest-reader.ts'

/** An entry of index.json that a tag may name, or that may be what an untagged pull means. */
export interface Candidate {
  readonly descriptor: Descriptor
  readonly name: EntryName
}

/** Entries without media type that are read to see what they are; beyond this many they are taken for manifests. */
const MAX_LOOKED_INTO = 64

/** The entries that are images or indexes, or may be, in file order; not those that belong to another manifest. */
export function candidatesIn(entries: readonly Descriptor[]): Candidate[] {
  return entries
    .filter(
      (entry) =>
        (entry.mediaType === '' || isManifestType(entry.mediaType)) &&
        entry.annotations?.[ANNOTATION.manifestSubject] === undefined &&
        entry.annotations?.[ANNOTATION.dockerReferenceType] !== 'attestation-manifest',
    )
    .map((descriptor) => ({ descriptor, name: nameOf(descriptor) }))
}

/** Read those candidates that do not say their media type; fill it in, and drop what turns out to be no manifest. */
export async function withMediaTypes(
  candidates: readonly Candidate[],
  reader: ManifestReader,
  options: { signal: AbortSignal },
): Promise<Candidate[]> {
  const untyped = new Set(
    candidates.filter(({ descriptor }) => descriptor.mediaType === '').map(({ descriptor }) => descriptor),
  )
  if (untyped.size === 0 || untyped.size > MAX_LOOKED_INTO) return [...candidates]
  const types = new Map<Digest, string>()
  await visitManifests(reader, untyped, ({ digest }, { mediaType }) => types.set(digest, mediaType), options)
  return candidates.flatMap((candidate) => {
    if (candidate.descriptor.mediaType !== '') return [candidate]
    const mediaType = types.get(candidate.descriptor.digest)
    return mediaType === undefined
      ? []
      : [{ ...candidate, descriptor: { ...candidate.descriptor, mediaType } }]
  })
}

export function distinctDigests(candidates: readonly Candidate[]): Set<Digest> {
  return new Set(candidates.map(({ descriptor }) => descriptor.digest))
}
