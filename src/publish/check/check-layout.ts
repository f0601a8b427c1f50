import { createHash } from 'node:crypto'
import { Failure } from '../../errors.ts'
import { MEDIA_TYPE } from '../../layout/descriptor.ts'
import type { Descriptor } from '../../layout/descriptor.ts'
import { parseJsonObject } from '../../layout/json-object.ts'
import { parseManifest } from '../../layout/manifest.ts'
import type { Manifest } from '../../layout/manifest.ts'
import { isManifestType, isNonDistributableType } from '../../layout/media-type.ts'
import { algorithmOf, digestOf } from '../../reference/digest.ts'
import type { Digest } from '../../reference/digest.ts'
import { joinPath } from '../source-tree.ts'
import type { SourceTree } from '../source-tree.ts'
import { blobPathOf, folderOf } from './layout-paths.ts'
import { MAX_INDEX_BYTES, MAX_MANIFEST_BYTES, readSmall } from './read-small.ts'

export interface CheckedLayout {
  /** Folder of the layout, '' for the root. */
  readonly path: string
  /** index.json as it is. */
  readonly index: Buffer
  /** What index.json lists, in its order. */
  readonly listed: readonly Descriptor[]
  /** What each manifest and index that is there refers to. */
  readonly references: ReadonlyMap<Digest, readonly Digest[]>
  /** Where each blob of the layout is in the tree. */
  readonly blobs: ReadonlyMap<Digest, string>
}

/** sha256 of files that were read whole, by path: what is stored later must be the same bytes. */
export type ReadFiles = Map<string, Digest>

/**
 * Check the structure of one layout: everything index.json leads to is there, has the size it should have, and is
 * what it claims to be. Manifests are held to their digests; other blobs only to their sizes.
 *
 * @throws Failure LAYOUT_INVALID naming the bad file
 */
export function checkLayout(
  tree: SourceTree,
  path: string,
  read: ReadFiles,
  signal: AbortSignal,
): Promise<CheckedLayout> {
  return new LayoutWalk(tree, path, read).run(signal)
}

/** A descriptor and where it was found, for messages. */
interface Reference {
  readonly descriptor: Descriptor
  readonly where: string
  /** Whether to look into it for more. */
  readonly follow: boolean
  /** Whether it may be absent, as layers that must not be redistributed. */
  readonly optional: boolean
}

class LayoutWalk {
  readonly #tree: SourceTree
  readonly #path: string
  readonly #read: ReadFiles
  readonly #references = new Map<Digest, readonly Digest[]>()
  readonly #blobs = new Map<Digest, string>()
  readonly #mayLackPlatforms: boolean

  constructor(tree: SourceTree, path: string, read: ReadFiles) {
    this.#tree = tree
    this.#path = path
    this.#read = read
    // `docker save` leaves its own manifest.json beside index.json
    this.#mayLackPlatforms = tree.mayLackPlatforms || tree.files.has(joinPath(path, 'manifest.json'))
  }

  async run(signal: AbortSignal): Promise<CheckedLayout> {
    await this.#checkVersion(signal)
    const indexPath = joinPath(this.#path, 'index.json')
    const index = await this.#readWhole(indexPath, MAX_INDEX_BYTES, signal)
    const listed = this.#referencesIn(this.#parse(index, indexPath, MEDIA_TYPE.ociIndex), indexPath)

    const waiting = [...listed].reverse()
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      signal.throwIfAborted()
      const below = await this.#visit(next, signal)
      waiting.push(...[...below].reverse())
    }
    return {
      path: this.#path,
      index,
      listed: listed.map(({ descriptor }) => descriptor),
      references: this.#references,
      blobs: this.#blobs,
    }
  }

  async #checkVersion(signal: AbortSignal): Promise<void> {
    const path = joinPath(this.#path, 'oci-layout')
    if (!this.#tree.files.has(path)) return
    const marker = parseJsonObject(await this.#readWhole(path, 4096, signal))
    if (marker?.imageLayoutVersion !== '1.0.0') {
      throw new Failure(
        'LAYOUT_INVALID',
        `${this.#tree.nameOf(path)} does not say that the layout is of version 1.0.0`,
      )
    }
  }

  /** Check one blob, and return what it refers to when that was not looked at before. */
  async #visit(reference: Reference, signal: AbortSignal): Promise<Reference[]> {
    const { digest, mediaType } = reference.descriptor
    const path = this.#locate(reference)
    if (path === undefined) return []
    this.#checkSize(reference, path)
    this.#blobs.set(digest, path)
    if (!reference.follow || this.#references.has(digest)) return []

    const bytes = await this.#readWhole(path, MAX_MANIFEST_BYTES, signal)
    const actual = digestOfBytes(algorithmOf(digest), bytes)
    if (actual !== digest) throw damaged(this.#tree.nameOf(path), actual)
    const isUntyped = mediaType === '' && parseManifest(bytes) === undefined
    const below = isUntyped ? [] : this.#referencesIn(this.#parse(bytes, path, mediaType), path)
    this.#references.set(
      digest,
      below.map(({ descriptor }) => descriptor.digest),
    )
    return below
  }

  #parse(bytes: Uint8Array, path: string, mediaType: string): Manifest {
    const name = this.#tree.nameOf(path)
    const manifest = parseManifest(bytes, mediaType)
    if (manifest === undefined) {
      throw new Failure('LAYOUT_INVALID', `${name} is not the JSON of an image manifest or index of schema 2`)
    }
    const [problem] = manifest.problems
    if (problem !== undefined) throw new Failure('LAYOUT_INVALID', `${name}: ${problem}`)
    return manifest
  }

  #referencesIn(manifest: Manifest, path: string): Reference[] {
    const name = this.#tree.nameOf(path)
    if (manifest.kind === 'index') {
      const below = manifest.manifests.map((descriptor, at) => ({
        descriptor,
        where: `manifests[${at}] of ${name}`,
        follow: descriptor.mediaType === '' || isManifestType(descriptor.mediaType),
        optional: false,
      }))
      return path === joinPath(this.#path, 'index.json') ? below : this.#withoutUnsaved(below)
    }
    const layers = manifest.layers.map((descriptor, at) => ({
      descriptor,
      where: `layers[${at}] of ${name}`,
      follow: false,
      optional: isNonDistributableType(descriptor.mediaType),
    }))
    if (manifest.config === undefined) return layers
    const where = `config of ${name}`
    return [{ descriptor: manifest.config, where, follow: false, optional: false }, ...layers]
  }

  /** An index from `docker save` may name platforms that were not saved, as long as one was. */
  #withoutUnsaved(below: Reference[]): Reference[] {
    if (!this.#mayLackPlatforms) return below
    const saved = below.filter(({ descriptor }) => this.#find(descriptor.digest) !== undefined)
    return saved.length === 0 ? below : saved
  }

  async #readWhole(path: string, limit: number, signal: AbortSignal): Promise<Buffer> {
    const name = this.#tree.nameOf(path)
    const file = this.#tree.files.get(path)
    if (file === undefined) throw new Failure('LAYOUT_INVALID', `${name} is missing`)
    const bytes = await readSmall(file, name, limit, signal)
    this.#read.set(path, digestOfBytes('sha256', bytes))
    return bytes
  }

  #locate({ descriptor, where, optional }: Reference): string | undefined {
    const path = this.#find(descriptor.digest)
    if (path !== undefined || optional) return path
    const missing = this.#tree.nameOf(joinPath(this.#path, blobPathOf(descriptor.digest)))
    const platform = descriptor.platform === undefined ? '' : ` for ${platformText(descriptor.platform)}`
    throw new Failure('LAYOUT_INVALID', `${missing} is missing; it is ${where}${platform}`)
  }

  /** In the layout's own blobs, or in those of a folder above it. */
  #find(digest: Digest): string | undefined {
    const blobPath = blobPathOf(digest)
    for (let folder = this.#path; ; folder = folderOf(folder)) {
      const path = joinPath(folder, blobPath)
      if (this.#tree.files.has(path)) return path
      if (folder === '') return undefined
    }
  }

  #checkSize({ descriptor, where }: Reference, path: string): void {
    const size = this.#tree.files.get(path)?.size
    if (size === descriptor.size) return
    throw new Failure(
      'LAYOUT_INVALID',
      `${this.#tree.nameOf(path)} has ${size} bytes; ${where} says ${descriptor.size}`,
    )
  }
}

/** A blob whose bytes are not what its name says. */
export function damaged(name: string, actual: Digest): Failure {
  return new Failure('LAYOUT_INVALID', `${name} is damaged: the digest of its bytes is ${actual}`)
}

function digestOfBytes(algorithm: 'sha256' | 'sha512', bytes: Uint8Array): Digest {
  return digestOf(algorithm, createHash(algorithm).update(bytes).digest('hex'))
}

function platformText(platform: Readonly<Record<string, unknown>>): string {
  return [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/')
}
