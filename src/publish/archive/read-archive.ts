import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, messageOf } from '../../errors.ts'
import { digestOf } from '../../reference/digest.ts'
import type { Digest } from '../../reference/digest.ts'
import { parseBlobPath } from '../check/layout-paths.ts'
import { fileOnDisk } from '../source-tree.ts'
import type { SourceFile } from '../source-tree.ts'
import { abortable } from './abortable.ts'
import { compressionOf, decompress, MAGIC_LENGTH } from './decompress.ts'
import { GrowthLimit } from './limits.ts'
import type { ArchiveLimits } from './limits.ts'
import { tarEntries } from './tar-entries.ts'

/** A file of an archive, hashed as it was read. */
export interface ArchiveFile extends SourceFile {
  /** sha256 first. */
  readonly digests: readonly [Digest, ...Digest[]]
  /** Its first bytes, by which compression is told. */
  readonly head: Uint8Array
}

export interface Archive {
  readonly files: ReadonlyMap<string, ArchiveFile>
  /** Remove what was written to read it. */
  readonly dispose: () => Promise<void>
}

export type ArchiveSource =
  { readonly path: string; readonly size: number } | { readonly stream: AsyncIterable<Uint8Array> }

export interface ArchiveOptions {
  /** Folder in which the content is kept while it is needed, unless it can be read in place. */
  readonly workDir: string
  readonly limits: ArchiveLimits
  readonly signal: AbortSignal
  /** Told of bytes read, as they are in the archive. */
  readonly onBytes: (count: number) => void
}

/**
 * Read a tar archive, plain or compressed, to its end. A plain one on disk is read in place later; of others the
 * content is written to one file in the work folder.
 *
 * @throws Failure LAYOUT_INVALID for what is none, or beyond the limits; STORE_FAILED when it can't be written
 */
export async function readArchive(source: ArchiveSource, options: ArchiveOptions): Promise<Archive> {
  const { limits, signal, onBytes } = options
  const growth = new GrowthLimit(limits)
  const { head, all } = await peek(
    counted('path' in source ? openPath(source.path, signal) : abortable(source.stream, signal), (count) => {
      growth.read(count)
      onBytes(count)
    }),
  )
  if (head.length === 0) throw new Failure('LAYOUT_INVALID', 'the archive is empty')
  const compression = compressionOf(head)
  const plain = counted(decompress(all, compression, signal), (count) => growth.made(count))
  const entries = tarEntries(plain, { maxEntries: limits.maxEntries, signal })

  if ('path' in source && compression === 'none') {
    return { files: await collect(entries, source.path, undefined), dispose: async () => undefined }
  }
  const folder = await makeFolder(options.workDir)
  const dispose = () => rm(folder, { recursive: true, force: true })
  try {
    const path = join(folder, 'content')
    const spool = await open(path, 'wx')
    try {
      return { files: await collect(entries, path, spool), dispose }
    } finally {
      await spool.close()
    }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** @param spool where the content is written to, one file after the other; without it, it is found in the archive */
async function collect(
  entries: ReturnType<typeof tarEntries>,
  path: string,
  spool: FileHandle | undefined,
): Promise<Map<string, ArchiveFile>> {
  const files = new Map<string, ArchiveFile>()
  const links = new Map<string, string>()
  let spooled = 0
  for await (const entry of entries) {
    if (entry.kind === 'link') {
      links.set(entry.path, entry.target)
      continue
    }
    const start = spool === undefined ? entry.offset : spooled
    const { digests, head } = await takeIn(entry.path, entry.content, spool)
    const file = fileOnDisk(path, { start, end: start + entry.size })
    files.set(entry.path, { ...file, digests, head })
    links.delete(entry.path)
    spooled += entry.size
  }
  for (const link of links.keys()) {
    const file = follow(link, links, files)
    if (file !== undefined) files.set(link, file)
  }
  return files
}

async function takeIn(
  path: string,
  content: AsyncIterable<Uint8Array>,
  spool: FileHandle | undefined,
): Promise<Pick<ArchiveFile, 'digests' | 'head'>> {
  const sha256 = createHash('sha256')
  const sha512 = parseBlobPath(path)?.algorithm === 'sha512' ? createHash('sha512') : undefined
  let head = Buffer.alloc(0)
  for await (const piece of content) {
    sha256.update(piece)
    sha512?.update(piece)
    if (head.length < MAGIC_LENGTH) head = Buffer.concat([head, piece.subarray(0, MAGIC_LENGTH)])
    if (spool !== undefined) await writeWhole(spool, piece)
  }
  const digest = digestOf('sha256', sha256.digest('hex'))
  return {
    digests: sha512 === undefined ? [digest] : [digest, digestOf('sha512', sha512.digest('hex'))],
    head,
  }
}

/** A link may lead to another one; what leads nowhere is not there. */
function follow(
  link: string,
  links: ReadonlyMap<string, string>,
  files: ReadonlyMap<string, ArchiveFile>,
): ArchiveFile | undefined {
  let path: string | undefined = link
  for (let steps = 0; steps < 16 && path !== undefined; steps++) {
    const file = files.get(path)
    if (file !== undefined) return file
    path = links.get(path)
  }
  return undefined
}

async function writeWhole(spool: FileHandle, piece: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < piece.length;) {
      const { bytesWritten } = await spool.write(piece, at, piece.length - at)
      at += bytesWritten
    }
  } catch (error) {
    const message = `the archive can't be unpacked in the work folder: ${messageOf(error)}`
    throw new Failure('STORE_FAILED', message, { cause: error })
  }
}

async function makeFolder(workDir: string): Promise<string> {
  try {
    await mkdir(workDir, { recursive: true })
    return await mkdtemp(join(workDir, 'archive-'))
  } catch (error) {
    const message = `the work folder ${workDir} can't be written: ${messageOf(error)}`
    throw new Failure('STORE_FAILED', message, { cause: error })
  }
}

function openPath(path: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  return createReadStream(path, { highWaterMark: 1024 * 1024, signal })
}

async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  onBytes: (count: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    onBytes(piece.length)
    yield piece
  }
}

/** The first bytes of a stream, and all of it. */
async function peek(
  pieces: AsyncGenerator<Uint8Array>,
): Promise<{ head: Uint8Array; all: AsyncGenerator<Uint8Array> }> {
  let head = Buffer.alloc(0)
  while (head.length < MAGIC_LENGTH) {
    const next = await pieces.next()
    if (next.done === true) break
    head = Buffer.concat([head, next.value])
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    if (head.length > 0) yield head
    yield* pieces
  }
  return { head, all: all() }
}
