import { type Failure, isFailure } from '../../errors.ts'
import { namesBlob } from '../blob-name.ts'
import { closableBody } from '../closable-body.ts'
import type { BlockNotes } from '../dag/block-notes.ts'
import { notingParts } from '../dag/note-parts.ts'
import type {
  ByteRange,
  ContentPath,
  ContentSource,
  ContentStat,
  DirectoryEntry,
  OpenedFile,
  OpenOptions,
} from '../source.ts'
import { clampRange, formatContentPath } from '../source.ts'
import { contentUrl } from '../transport/content-url.ts'
import { endpointAt, type EndpointOptions } from '../transport/endpoint.ts'
import { ask, headerOf } from '../transport/exchange.ts'
import {
  asDirectory,
  directoryEntries,
  type DirectoryRoot,
  isDirectory,
  takeEntries,
} from '../unixfs/directory.ts'
import { asFile, fileBytes, type FilePart, type FileRoot } from '../unixfs/file.ts'
import { decodeNode, unsound } from '../unixfs/node.ts'
import { resolvePath } from '../unixfs/path.ts'
import { BlockMemory, noting, rememberedOnly } from '../unixfs/remembered-blocks.ts'
import type { CarQuery } from './car-request.ts'
import { rawBlocks } from './raw-blocks.ts'
import { type Walk, walkCar, type WalkContext, walkRaw } from './walk.ts'

export interface GatewayOptions extends EndpointOptions {
  /** `https://host`, without `/ipfs`. */
  readonly baseUrl: string | URL
  /** Bytes of directory blocks remembered. Default 16 MiB. */
  readonly blockCacheBytes?: number
  /** ms for which a gateway that could not answer with a CAR is read block by block. Default 10 minutes. */
  readonly carRetryAfter?: number
  /** Blocks asked for at once where the gateway is read block by block. Default 8. */
  readonly readAhead?: number
  /** Told of the blocks of directories, and of those of files that are opened. */
  readonly notes?: BlockNotes | undefined
}

/** A trustless HTTP gateway: every block is checked here, so nothing it says has to be believed. */
export function createGatewaySource(options: GatewayOptions): ContentSource {
  return new GatewaySource(options)
}

class GatewaySource implements ContentSource {
  readonly name: string
  readonly proof = 'blocks'
  readonly #context: WalkContext
  readonly #memory: BlockMemory
  readonly #notes: BlockNotes | undefined
  readonly #carRetryAfter: number
  /** ms since the epoch before which no CAR is asked for. */
  #noCarUntil = 0

  constructor(options: GatewayOptions) {
    this.name = options.name
    this.#carRetryAfter = options.carRetryAfter ?? 600_000
    const { notes } = options
    this.#notes = notes
    this.#memory = new BlockMemory(options.blockCacheBytes ?? 16 * 1024 * 1024, (cid, bytes) =>
      notes?.block(cid, bytes),
    )
    const endpoint = endpointAt(options.baseUrl, options)
    this.#context = {
      endpoint,
      memory: this.#memory,
      raw: rawBlocks(endpoint),
      readAhead: options.readAhead ?? 8,
    }
  }

  async stat(path: ContentPath, { signal }: { signal: AbortSignal }): Promise<ContentStat> {
    const known = await this.#remembered(path, signal)
    if (known !== undefined) return { kind: 'directory', size: 0, cid: known.cid, proof: 'blocks' }
    const walk = await this.#walk(path, { scope: 'block' }, signal)
    try {
      await walk.finish()
      if (isDirectory(walk.node)) return { kind: 'directory', size: 0, cid: walk.cid, proof: 'blocks' }
      const { node } = asFile(walk.cid, walk.node, formatContentPath(path))
      return { kind: 'file', size: node.size, cid: walk.cid, proof: 'blocks' }
    } finally {
      walk.close()
    }
  }

  async open(path: ContentPath, { signal, range }: OpenOptions): Promise<OpenedFile> {
    await this.#remembered(path, signal)
    const bytes = range !== undefined && range.end > range.start ? { bytes: range } : {}
    const query: CarQuery =
      range === undefined || bytes.bytes ? { scope: 'entity', ...bytes } : { scope: 'block' }
    const walk = await this.#walk(path, query, signal)
    try {
      const root = asFile(walk.cid, walk.node, formatContentPath(path))
      const { size } = root.node
      const note = this.#noteOf(path, root)
      note?.({ ...root, bytes: walk.bytes, start: 0 })
      return {
        size,
        cid: walk.cid,
        proof: 'blocks',
        source: this.name,
        body: closableBody(piecesOf(walk, root, clampRange(range, size), note, signal), () => walk.close()),
        discredit: () => undefined,
      }
    } catch (error) {
      walk.close()
      throw error
    }
  }

  async list(
    path: ContentPath,
    { limit, signal }: { limit: number; signal: AbortSignal },
  ): Promise<DirectoryEntry[]> {
    const what = formatContentPath(path)
    const known = await this.#remembered(path, signal)
    const walk =
      known?.node.kind === 'directory'
        ? { ...known, blocks: this.#context.raw, readAhead: 1, close: () => undefined }
        : await this.#walk(path, { scope: 'entity' }, signal)
    try {
      const root = asDirectory(walk.cid, walk.node, what)
      return await takeEntries(
        directoryEntries(noting(walk.blocks, this.#memory), root, { signal, readAhead: walk.readAhead }),
        limit,
      )
    } finally {
      walk.close()
    }
  }

  async healthy(signal: AbortSignal): Promise<boolean> {
    try {
      // The identity CID of no bytes: what a gateway has without having anything (trustless gateway specification).
      const path = '/ipfs/bafkqaaa?format=raw'
      const headers = { accept: 'application/vnd.ipld.raw' }
      const answer = await ask(this.#context.endpoint, { method: 'GET', path, headers, signal })
      const body = await answer.body.readAll(1024)
      const isBlock = headerOf(answer, 'content-type').startsWith('application/vnd.ipld.raw')
      return answer.status === 200 && isBlock && body.byteLength === 0
    } catch {
      return false
    }
  }

  /**
   * What the remembered blocks say of a path: the directory there, or undefined.
   *
   * @throws Failure CONTENT_NOT_FOUND when they prove that nothing is there
   */
  async #remembered(path: ContentPath, signal: AbortSignal): Promise<DirectoryRoot | undefined> {
    contentUrl(path)
    try {
      const { cid } = await resolvePath(rememberedOnly(this.#memory), path, { signal })
      const bytes = this.#memory.get(cid)
      if (bytes === undefined) return undefined
      const node = decodeNode(cid, bytes)
      return isDirectory(node) ? { cid, node } : undefined
    } catch (error) {
      if (isFailure(error, 'CONTENT_UNAVAILABLE')) return undefined
      throw error
    }
  }

  #noteOf(path: ContentPath, { cid, node }: FileRoot): ((part: FilePart) => void) | undefined {
    if (this.#notes === undefined) return undefined
    return notingParts(this.#notes, { cid, size: node.size, isBlob: namesBlob(path) })
  }

  async #walk(path: ContentPath, query: CarQuery, signal: AbortSignal): Promise<Walk> {
    if (performance.now() < this.#noCarUntil) return walkRaw(this.#context, path, signal)
    const walk = await walkCar(this.#context, path, query, signal)
    if (!('refused' in walk)) return walk
    return this.#withoutCar(path, walk.refused, signal)
  }

  /** A gateway that has the blocks but gives no CAR is read block by block from then on, for a while. */
  async #withoutCar(path: ContentPath, refused: Failure, signal: AbortSignal): Promise<Walk> {
    try {
      const walk = await walkRaw(this.#context, path, signal)
      this.#noCarUntil = performance.now() + this.#carRetryAfter
      return walk
    } catch (error) {
      throw isFailure(error, 'CONTENT_UNAVAILABLE') ? refused : error
    }
  }
}

/** The bytes of a range; the end of the answer is looked at before the last of them. */
async function* piecesOf(
  walk: Walk,
  root: FileRoot,
  range: ByteRange,
  onPart: ((part: FilePart) => void) | undefined,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const options = { signal, readAhead: walk.readAhead, onPart }
  let left = range.end - range.start
  if (left === 0) await walk.finish()
  for await (const piece of fileBytes(walk.blocks, root, range, options)) {
    left -= piece.byteLength
    if (left === 0) await walk.finish()
    yield piece
  }
  if (left !== 0) throw unsound(root.cid, `${left} bytes are missing in it`)
}
