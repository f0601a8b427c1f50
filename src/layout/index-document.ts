import type { Digest } from '../reference/digest.ts'
import { ANNOTATION } from './annotation.ts'
import { MEDIA_TYPE, parseDescriptor, type Descriptor } from './descriptor.ts'
import { nameOf } from './entry-name.ts'
import { parseIndex } from './image-index.ts'
import { parseJsonObject, stringsOf, type JsonObject } from './json-object.ts'

/**
 * The index.json of a layout as something to change: the tags of a repository and its untagged manifests. What other
 * tools have written into it stays, as far as it is not changed.
 */
export class IndexDocument {
  readonly #document: JsonObject
  readonly #entries: readonly IndexEntry[]
  /** Bytes of the text that it was read from; 0 where it was not read. */
  readonly textSize: number

  private constructor(document: JsonObject, entries: readonly IndexEntry[], textSize = 0) {
    this.#document = document
    this.#entries = entries
    this.textSize = textSize
  }

  /** Of a layout without an image. */
  static empty(): IndexDocument {
    return new IndexDocument({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex }, [])
  }

  /** @throws Failure NAME_UNKNOWN when it is no image index */
  static parse(bytes: Uint8Array): IndexDocument {
    parseIndex(bytes)
    const { manifests, ...document } = parseJsonObject(bytes) ?? {}
    return new IndexDocument(document, (manifests as unknown[]).map(readEntry), bytes.length)
  }

  /** Sorted by code unit, unique. */
  get tags(): readonly string[] {
    const tags = this.#entries.flatMap(({ tag }) => (tag === undefined ? [] : [tag]))
    return [...new Set(tags)].sort()
  }

  /** The manifest that a tag leads to: exactly that tag, unlike in layouts that other tools make. */
  find(tag: string): Descriptor | undefined {
    return this.#entries.findLast((entry) => entry.tag === tag)?.descriptor
  }

  has(digest: Digest): boolean {
    return this.#entries.some(({ descriptor }) => descriptor?.digest === digest)
  }

  /**
   * With a manifest under these tags, which lead nowhere else any more. What loses its last tag stays as an untagged
   * manifest, and so does what comes without a tag.
   */
  with(descriptor: Descriptor, tags: readonly string[]): IndexDocument {
    const entries = tags.reduce<readonly IndexEntry[]>(withoutTagIn, this.#entries)
    const others = entries.filter(
      (entry) => entry.descriptor?.digest !== descriptor.digest || entry.tag !== undefined,
    )
    const added = tags.map((tag) => newEntry(descriptor, tag))
    const listed = added.length > 0 || others.some((entry) => entry.descriptor?.digest === descriptor.digest)
    return new IndexDocument(this.#document, [
      ...others,
      ...(listed ? added : [newEntry(descriptor, undefined)]),
    ])
  }

  /** Without a tag; its manifest stays. */
  withoutTag(tag: string): IndexDocument {
    return new IndexDocument(this.#document, withoutTagIn(this.#entries, tag))
  }

  /** Without a manifest and all its tags. */
  without(digest: Digest): IndexDocument {
    return new IndexDocument(
      this.#document,
      this.#entries.filter(({ descriptor }) => descriptor?.digest !== digest),
    )
  }

  /** In one order whatever the order of the changes: tags first, each list sorted. */
  toBytes(): Uint8Array {
    const sorted = [...this.#entries].sort((a, b) => compare(a.key, b.key))
    return Buffer.from(JSON.stringify({ ...this.#document, manifests: sorted.map(({ json }) => json) }))
  }
}

interface IndexEntry {
  /** As it stands in the file. */
  readonly json: unknown
  /** Undefined for what is no descriptor. */
  readonly descriptor: Descriptor | undefined
  readonly tag: string | undefined
  /** What it is sorted by. */
  readonly key: string
}

function readEntry(json: unknown): IndexEntry {
  const descriptor = parseDescriptor(json)
  const tag = descriptor === undefined ? undefined : nameOf(descriptor).tag
  // No tag begins with a character that sorts behind `~`.
  // Of several with one tag the last one counts, so they stay in their order.
  const key = tag ?? `~${descriptor?.digest ?? ''}`
  return { json, descriptor, tag, key }
}

function newEntry(descriptor: Descriptor, tag: string | undefined): IndexEntry {
  const { mediaType, digest, size, artifactType } = descriptor
  return readEntry({
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(tag === undefined ? {} : { annotations: { [ANNOTATION.refName]: tag } }),
  })
}

function withoutTagIn(entries: readonly IndexEntry[], tag: string): readonly IndexEntry[] {
  const kept = entries.filter((entry) => entry.tag !== tag)
  const here = new Set(kept.map(({ descriptor }) => descriptor?.digest))
  const untagged = new Map<Digest, IndexEntry>()
  for (const entry of entries) {
    const digest = entry.descriptor?.digest
    if (entry.tag !== tag || digest === undefined || here.has(digest)) continue
    untagged.set(digest, readEntry(withoutName(entry.json as JsonObject)))
  }
  return [...kept, ...untagged.values()]
}

function withoutName(entry: JsonObject): JsonObject {
  const { annotations, ...rest } = entry
  const kept = Object.entries(stringsOf(annotations) ?? {}).filter(
    ([key]) => key !== ANNOTATION.refName && key !== ANNOTATION.imageName,
  )
  return kept.length === 0 ? rest : { ...rest, annotations: Object.fromEntries(kept) }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
