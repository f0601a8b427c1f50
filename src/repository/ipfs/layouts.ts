import { LRUCache } from 'lru-cache'
import { Flights } from '../../cache/flights.ts'
import { below, formatContentPath } from '../../content/source.ts'
import type { ContentPath, ContentSource, Proof } from '../../content/source.ts'
import { Failure, isFailure } from '../../errors.ts'
import { parseIndex, type LayoutIndex } from '../../layout/image-index.ts'
import type { Descriptor } from '../../layout/descriptor.ts'
import { checkLayoutFile } from '../../layout/layout-file.ts'
import { createMetBlobsRoom, MetBlobs, type MetBlobsRoom } from './met-blobs.ts'
import { readSmall } from './read-small.ts'
import { PathFacts } from '../path-facts.ts'
import type { RecordStore } from '../record-store.ts'
import { upTo } from '../../cache/up-to.ts'

/** An image layout at its place under a content root. */
export interface Layout {
  readonly key: string
  /** The folder that holds index.json. */
  readonly base: ContentPath
  /** What of the asked-for path lies below the layout: a hint as to which of its images is meant. */
  readonly hint: string
  readonly index: LayoutIndex
  readonly proof: Proof
  /** Name of the source that gave the index. */
  readonly source: string
  /** ms since the epoch when its index was last asked for. */
  asked: number
  /** What was met in its manifests. */
  readonly known: MetBlobs
  /** Tags looked up already. */
  readonly tags: LRUCache<string, Descriptor>
}

/** What is kept of a layout across restarts, when blocks have proved it. */
export interface SavedLayout {
  /** Segments of the path that lead to the layout; the rest is the hint. */
  readonly depth: number
  readonly source: string
  /** index.json, base64. */
  readonly index: string
}

export interface LayoutsOptions {
  readonly content: ContentSource
  /** Bytes of the largest index.json that is read. */
  readonly maxIndexSize: number
  /**
   * Names of sources that are asked without a request over the network. Only there is the file `oci-layout` read as
   * well: elsewhere it would cost every first pull a round trip, to learn what index.json shows already.
   */
  readonly localSources: ReadonlySet<string>
  /** ms that a search goes on after everyone's time was up. */
  readonly lingerMs: number
  /** Without it nothing is kept across restarts. */
  readonly records?: RecordStore<SavedLayout>
}

/** ms after which an index from a source without proof is asked for again. */
const BELIEVED = 60_000
/** Bytes of the largest index.json that is kept across restarts. */
const LARGEST_SAVED = 1024 * 1024
/** ms for which "not there" is remembered. */
const ABSENT = 5_000
/** Bytes of what is remembered about paths without a layout, and characters of the name of an entry there. */
const KEPT_ABSENT = 16 * 1024 * 1024
const MAX_ENTRY = 255
/** Paths kept of which it is known whether a layout is there. */
const KEPT_PATHS = 100_000
/** Bytes of index.json files and what was read from them that are kept in memory. */
const KEPT_BYTES = 32 * 1024 * 1024

/** Finds the layout for a path: deepest folder first, up to the root (the unconsumed rest is a hint). */
export class Layouts {
  private readonly found = new LRUCache<string, Layout>({
    max: 1_000,
    maxSize: KEPT_BYTES,
    sizeCalculation: (layout) => 4096 + layout.index.bytes.length * 4,
  })
  private readonly absent = new LRUCache<string, Failure>({
    max: 10_000,
    maxSize: KEPT_ABSENT,
    sizeCalculation: ({ message, detail }, key) =>
      1024 + key.length + message.length + JSON.stringify(detail ?? {}).length,
    ttl: ABSENT,
  })
  private readonly met = createMetBlobsRoom()
  private readonly flights: Flights<Layout>
  /** Whether a layout is at a path, and not above it. */
  private readonly exact: PathFacts<boolean>
  private readonly options: LayoutsOptions

  constructor(options: LayoutsOptions) {
    this.options = options
    this.flights = new Flights(options.lingerMs)
    this.exact = new PathFacts(KEPT_PATHS, options.lingerMs)
  }

  /** @throws Failure NAME_UNKNOWN when no folder on the path holds a layout; CONTENT_* */
  locate(path: ContentPath, signal: AbortSignal): Promise<Layout> {
    const key = formatContentPath(path)
    const known = this.found.get(key)
    if (known !== undefined) {
      this.refresh(known, path)
      return Promise.resolve(known)
    }
    const absent = this.absent.get(key)
    if (absent !== undefined) return Promise.reject(absent)
    return this.flights.join(key, signal, (own) => this.recallOrSearch(path, key, own))
  }

  /** Whether a layout is at this very path, wherever else there are some. @throws Failure CONTENT_* */
  isAt(path: ContentPath, signal: AbortSignal): Promise<boolean> {
    const key = formatContentPath(path)
    return this.exact.get(key, signal, async (own) => {
      const depth = path.segments.length
      try {
        const saved = await this.options.records?.get(key)
        if (saved?.depth === depth) return { value: true, lasting: true }
        const layout = await this.read(path, depth, key, own)
        this.found.set(key, layout)
        this.save(layout, depth)
        return { value: true, lasting: layout.proof === 'blocks' }
      } catch (error) {
        if (!isFailure(error, 'CONTENT_NOT_FOUND', 'NAME_UNKNOWN')) throw error
        return { value: false, lasting: this.options.content.proof === 'blocks' }
      }
    })
  }

  /** Forget an index that was believed and has turned out wrong. @returns whether asking anew can help */
  doubt(layout: Layout): boolean {
    if (layout.proof === 'blocks') return false
    return this.found.delete(layout.key)
  }

  /** What was only believed is asked for again now and then; until a source answers, it stays. */
  private refresh(known: Layout, path: ContentPath): void {
    if (known.proof === 'blocks' || Math.abs(Date.now() - known.asked) <= BELIEVED) return
    known.asked = Date.now()
    const signal = AbortSignal.timeout(this.options.lingerMs)
    this.flights.join(known.key, signal, (own) => this.search(path, known.key, own)).catch(() => undefined)
  }

  private async recallOrSearch(path: ContentPath, key: string, signal: AbortSignal): Promise<Layout> {
    const saved = await this.options.records?.get(key)
    if (saved === undefined) return this.search(path, key, signal)
    const { depth, source, index } = saved
    const bytes = Buffer.from(index, 'base64')
    const layout = makeLayout(path, key, depth, { bytes, proof: 'blocks', source }, this.met)
    this.found.set(key, layout)
    return layout
  }

  private async search(path: ContentPath, key: string, signal: AbortSignal): Promise<Layout> {
    for (let depth = path.segments.length; depth >= 0; depth -= 1) {
      try {
        const layout = await this.read(path, depth, key, signal)
        this.found.set(key, layout)
        this.save(layout, depth)
        return layout
      } catch (error) {
        if (!isFailure(error, 'CONTENT_NOT_FOUND')) throw error
      }
    }
    const failure = await this.explainAbsence(path, signal)
    this.absent.set(key, failure)
    throw failure
  }

  private async read(path: ContentPath, depth: number, key: string, signal: AbortSignal): Promise<Layout> {
    const { content, maxIndexSize } = this.options
    const base = folderAt(path, depth)
    const file = await readSmall(content, below(base, 'index.json'), { limit: maxIndexSize, signal })
    const layout = makeLayout(path, key, depth, file, this.met)
    if (this.options.localSources.has(file.source)) await this.checkMark(base, signal)
    return layout
  }

  private save({ key, index, proof, source }: Layout, depth: number): void {
    if (proof === 'none' || index.bytes.length > LARGEST_SAVED) return
    this.options.records?.put(key, { depth, source, index: Buffer.from(index.bytes).toString('base64') })
  }

  /** The file `oci-layout` may be missing, but not of another version. */
  private async checkMark(base: ContentPath, signal: AbortSignal): Promise<void> {
    try {
      const mark = await readSmall(this.options.content, below(base, 'oci-layout'), { limit: 4096, signal })
      checkLayoutFile(mark.bytes)
    } catch (error) {
      if (!isFailure(error, 'CONTENT_NOT_FOUND')) throw error
    }
  }

  private async explainAbsence(path: ContentPath, signal: AbortSignal): Promise<Failure> {
    const { content } = this.options
    const text = formatContentPath(path)
    for (let depth = path.segments.length; depth >= 0; depth -= 1) {
      const folder = folderAt(path, depth)
      try {
        const entries = (await content.list(folder, { limit: 100, signal })).map(({ name }) => cut(name))
        if (entries.includes('manifest.json')) {
          return new Failure(
            'NAME_UNKNOWN',
            `${formatContentPath(folder)} is a docker-archive, not an OCI image layout; ` +
              'publish it with `ipfs-registry publish`, or save it again with --format oci-dir',
          )
        }
        const shown = entries.slice(0, 10).join(', ')
        const more = entries.length > 10 ? ', …' : ''
        return new Failure(
          'NAME_UNKNOWN',
          `no OCI image layout at ${text}: ${formatContentPath(folder)} holds ${shown === '' ? 'nothing' : shown + more}`,
          { detail: { path: text, available: entries } },
        )
      } catch (error) {
        signal.throwIfAborted()
        if (isFailure(error, 'CONTENT_NOT_FOUND')) continue
        break
      }
    }
    return new Failure('NAME_UNKNOWN', `no OCI image layout at ${text}`, { detail: { path: text } })
  }
}

function cut(name: string): string {
  return name.length > MAX_ENTRY ? `${name.slice(0, MAX_ENTRY)}…` : name
}

function makeLayout(
  path: ContentPath,
  key: string,
  depth: number,
  { bytes, proof, source }: { bytes: Uint8Array; proof: Proof; source: string },
  room: MetBlobsRoom,
): Layout {
  return {
    key,
    base: folderAt(path, depth),
    hint: path.segments.slice(depth).join('/'),
    index: parseIndex(bytes),
    proof,
    source,
    asked: Date.now(),
    known: new MetBlobs(room, key),
    tags: new LRUCache(upTo(1_000)),
  }
}

function folderAt({ root, segments }: ContentPath, depth: number): ContentPath {
  return { root, segments: segments.slice(0, depth) }
}
