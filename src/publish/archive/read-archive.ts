import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Failure } from '../../errors.ts'
import { digestOf } from '../../reference/digest.ts'
import type { Digest } from '../../reference/digest.ts'
import { parseBlobPath } from '../check/layout-paths.ts'
import { fileOnDisk } from '../source-tree.ts'
import type { SourceFile } from '../source-tree.ts'
import { abortable } from './abortable.ts'
import { compressionOf, decompress, MAGIC_LENGTH } from './decompress.ts'
import { GrowthLimit } from './limits.ts'
import type { ArchiveLimits } from './limits.ts'
import { createSpool } from './spool.ts'
import { tarEntries } from './tar-entries.ts'
import type { TarEntry } from './tar-entries.ts'

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
    const { path } = source
    const files = await collect(entries, ({ offset, size }) =>
      fileOnDisk(path, { start: offset, end: offset + size }),
    )
    return { files, dispose: async () => undefined }
  }
  return spooled(entries, options.workDir)
}

/** With the content of all files in one file of the work folder. */
async function spooled(entries: AsyncIterable<TarEntry>, workDir: string): Promise<Archive> {
  const spool = await createSpool(workDir)
  try {
    let end = 0
    const place = ({ size }: FileEntry): SourceFile => {
      const start = end
      end += size
      return spool.fileAt({ start, end })
    }
    const files = await collect(entries, place, (piece) => spool.append(piece))
    return { files, dispose: () => spool.dispose() }
  } catch (error) {
    await spool.dispose()
    throw error
  }
}

type FileEntry = Extract<TarEntry, { kind: 'file' }>

/**
 * @param place says where the content of a file will be found
 * @param write takes the content, unless it can be found where it is
 */
async function collect(
  entries: AsyncIterable<TarEntry>,
  place: (entry: FileEntry) => SourceFile,
  write?: (piece: Uint8Array) => Promise<void>,
): Promise<Map<string, ArchiveFile>> {
  const files = new Map<string, ArchiveFile>()
  const links = new Map<string, string>()
  for await (const entry of entries) {
    if (entry.kind === 'link') {
      // of entries with one path the last counts, as for tar
      files.delete(entry.path)
      links.set(entry.path, entry.target)
      continue
    }
    const file = place(entry)
    files.set(entry.path, { ...file, ...(await takeIn(entry.path, entry.content, write)) })
    links.delete(entry.path)
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
  write?: (piece: Uint8Array) => Promise<void>,
): Promise<Pick<ArchiveFile, 'digests' | 'head'>> {
  const sha256 = createHash('sha256')
  const sha512 = parseBlobPath(path)?.algorithm === 'sha512' ? createHash('sha512') : undefined
  let head = Buffer.alloc(0)
  for await (const piece of content) {
    sha256.update(piece)
    sha512?.update(piece)
    if (head.length < MAGIC_LENGTH) head = Buffer.concat([head, piece.subarray(0, MAGIC_LENGTH)])
    await write?.(piece)
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
