import { Failure } from '../errors.ts'
import type { Candidate } from './candidates.ts'
import { candidatesIn, distinctDigests, withMediaTypes } from './candidates.ts'
import type { Descriptor } from './descriptor.ts'
import { isOfRepository } from './entry-name.ts'
import type { LayoutIndex } from './image-index.ts'
import type { ManifestReader } from './manifest-reader.ts'
import { findRoots } from './roots.ts'

/** What clients send when the user gave no tag. */
const DEFAULT_TAG = 'latest'
/** Tags in the `detail` of an error, and in its message. */
const MAX_AVAILABLE = 100
const MAX_MENTIONED = 8

type Options = { readonly signal: AbortSignal }

/**
 * What a tag names in a layout. An entry that has this very tag is found without reading any manifest.
 *
 * @param hint the end of the repository name that lies below the layout's folder, such as `library/alpine`, or ''
 * @throws Failure MANIFEST_UNKNOWN whose `detail.available` lists the tags there are; what the reader throws
 */
export async function selectTag(
  index: LayoutIndex,
  tag: string,
  hint: string,
  reader: ManifestReader,
  options: Options,
): Promise<Descriptor> {
  const candidates = inScope(candidatesIn(index.descriptors), hint)
  const named = await withMediaTypes(candidates.filter(mayBe(tag)), reader, options)
  const match = bestMatch(named, tag, hint)
  if (match !== undefined) return match.descriptor
  if (tag === DEFAULT_TAG) {
    const root = await singleRoot(candidates, reader, options)
    if (root !== undefined) return root
  }
  throw await unknownTag(index, tag, hint, reader, named, options)
}

/**
 * The tags of a layout, sorted by code unit: those that its entries bear, and `latest` where a pull without a tag
 * finds something.
 *
 * @param hint as for {@link selectTag}
 */
export async function listTags(
  index: LayoutIndex,
  hint: string,
  reader: ManifestReader,
  options: Options,
): Promise<string[]> {
  const candidates = inScope(candidatesIn(index.descriptors), hint)
  const tagged = candidates.filter(({ name }) => name.tag !== undefined)
  const tags = new Set<string>()
  for (const { name } of await withMediaTypes(tagged, reader, options)) {
    if (name.tag !== undefined) tags.add(name.tag)
  }
  if (!tags.has(DEFAULT_TAG) && (await singleRoot(candidates, reader, options)) !== undefined) {
    tags.add(DEFAULT_TAG)
  }
  return [...tags].sort()
}

/** Where the layout names repositories and the hint means one of them, the entries of the others are out of question. */
export function inScope<Named extends Pick<Candidate, 'name'>>(
  candidates: readonly Named[],
  hint: string,
): readonly Named[] {
  if (hint === '' || !candidates.some(({ name }) => isOfRepository(name, hint))) return candidates
  return candidates.filter(({ name }) => name.repository === undefined || isOfRepository(name, hint))
}

function mayBe(tag: string): (candidate: Candidate) => boolean {
  return ({ name }) => name.refName === tag || name.fullTag === tag || endsInTag(name.refName, tag)
}

function endsInTag(refName: string | undefined, tag: string): boolean {
  return refName !== undefined && refName.endsWith(`:${tag}`)
}

/** The candidate that a tag names by what the entries are called, without regard to what `latest` may mean besides. */
export function bestMatch(
  candidates: readonly Candidate[],
  tag: string,
  hint: string,
): Candidate | undefined {
  const exact = candidates.filter(({ name }) => name.refName === tag)
  const ofHint = (candidate: Candidate): boolean => isOfRepository(candidate.name, hint)
  // Writers append, so of several the last one is the newest.
  if (exact.length > 0) return exact.findLast(ofHint) ?? exact.at(-1)

  const byFullName = candidates.filter(({ name }) => name.fullTag === tag)
  if (hint !== '') {
    const found = byFullName.findLast(({ name }) => name.repository === hint) ?? byFullName.findLast(ofHint)
    if (found !== undefined) return found
  }
  if (distinctDigests(byFullName).size === 1) return byFullName[0]

  const bySuffix = candidates.filter(({ name }) => endsInTag(name.refName, tag))
  return distinctDigests(bySuffix).size === 1 ? bySuffix[0] : undefined
}

async function singleRoot(
  candidates: readonly Candidate[],
  reader: ManifestReader,
  { signal }: Options,
): Promise<Descriptor | undefined> {
  const { named, unnamed } = await findRoots(candidates, reader, { signal, withUnnamed: false })
  const roots = named.length > 0 ? named : unnamed
  return roots.length === 1 ? roots[0]?.descriptor : undefined
}

async function unknownTag(
  index: LayoutIndex,
  tag: string,
  hint: string,
  reader: ManifestReader,
  ambiguous: readonly Candidate[],
  options: Options,
): Promise<Failure> {
  const available = await availableTags(index, hint, reader, options)
  return new Failure('MANIFEST_UNKNOWN', explain(tag, available, ambiguous), {
    detail: { reference: tag, available: available.slice(0, MAX_AVAILABLE) },
  })
}

async function availableTags(
  index: LayoutIndex,
  hint: string,
  reader: ManifestReader,
  options: Options,
): Promise<string[]> {
  try {
    return await listTags(index, hint, reader, options)
  } catch {
    options.signal.throwIfAborted()
    // The tag is known to be missing; that a list of the others can't be had now does not change that.
    return []
  }
}

function explain(tag: string, available: readonly string[], ambiguous: readonly Candidate[]): string {
  const repositories = [...new Set(ambiguous.map(({ name }) => name.repository))].filter((name) => name)
  if (repositories.length > 1) {
    const some = repositories.slice(0, MAX_MENTIONED).join(', ')
    return `several images here have the tag "${tag}": ${some}; add the image's name to the path`
  }
  if (available.length === 0) {
    return `the layout here has no tag "${tag}", and no image that stands alone; pull by digest`
  }
  const some = available.slice(0, MAX_MENTIONED).join(', ')
  const more = available.length > MAX_MENTIONED ? ` and ${available.length - MAX_MENTIONED} more` : ''
  return `the layout here has no tag "${tag}"; it has ${some}${more}`
}
