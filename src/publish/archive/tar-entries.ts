import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract } from 'tar-stream'
import type { Header } from 'tar-stream'
import { Failure, messageOf } from '../../errors.ts'
import { folderOf } from '../check/layout-paths.ts'
import { entryPath, linkTarget } from './entry-path.ts'

/** A file or link in a tar archive. */
export type TarEntry =
  | {
      readonly kind: 'file'
      readonly path: string
      /** Bytes. */
      readonly size: number
      /** Byte of the archive, decompressed, at which the content begins. */
      readonly offset: number
      /** Must be read to its end before the next entry comes. */
      readonly content: AsyncIterable<Uint8Array>
    }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }

/**
 * The files and links of a tar archive, in order. Folders are passed over: they follow from the files.
 *
 * @throws Failure LAYOUT_INVALID for what is no tar archive, is cut short, or holds what no image archive does
 */
export async function* tarEntries(
  archive: AsyncIterable<Uint8Array>,
  options: { maxEntries: number; signal: AbortSignal },
): AsyncGenerator<TarEntry> {
  const { maxEntries, signal } = options
  const extraction = extract()
  let sourceError: unknown
  const source = Readable.from(
    watched(archive, (error) => (sourceError = error)),
    { objectMode: false },
  )
  const feeding = pipeline(source, extraction as unknown as NodeJS.WritableStream, { signal })
  // a failure comes out of the loop as well; this one may come when nobody listens any more
  feeding.catch(() => undefined)
  const failure = (error: unknown): unknown => {
    if (signal.aborted) return signal.reason
    if (sourceError !== undefined) return sourceError
    if (error instanceof Failure) return error
    const message = `the archive is damaged, cut short, or no tar archive: ${messageOf(error)}`
    return new Failure('LAYOUT_INVALID', message, { cause: error })
  }
  try {
    let count = 0
    for await (const stream of extraction) {
      count += 1
      if (count > maxEntries) {
        throw new Failure('LAYOUT_INVALID', `the archive has more than the ${maxEntries} entries it may have`)
      }
      const content = failingAs(failure, stream as AsyncIterable<Uint8Array>)
      const entry = entryOf(stream.header as ArchiveHeader, content)
      if (entry === undefined || entry.kind === 'link') stream.resume()
      if (entry !== undefined) yield entry
    }
    await feeding
  } catch (error) {
    throw failure(error)
  } finally {
    extraction.destroy()
  }
}

/** The same pieces; what goes wrong with them is what `failure` says it is. */
async function* failingAs(
  failure: (error: unknown) => unknown,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces
  } catch (error) {
    throw failure(error)
  }
}

async function* watched(
  archive: AsyncIterable<Uint8Array>,
  onError: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* archive
  } catch (error) {
    onError(error)
    throw error
  }
}

/** tar-stream's types leave out where the content begins. */
type ArchiveHeader = Header & { readonly byteOffset: number }

function entryOf(header: ArchiveHeader, content: AsyncIterable<Uint8Array>): TarEntry | undefined {
  const path = entryPath(header.name)
  switch (header.type) {
    case 'file':
    case 'contiguous-file':
      if (path === '') throw new Failure('LAYOUT_INVALID', 'the archive holds a file without a name')
      return { kind: 'file', path, size: header.size, offset: header.byteOffset, content }
    case 'symlink':
      return { kind: 'link', path, target: linkTarget(folderOf(path), header.linkname) }
    case 'link':
      return { kind: 'link', path, target: linkTarget('', header.linkname) }
    case 'directory':
      return undefined
    default:
      throw new Failure('LAYOUT_INVALID', `"${path}" in the archive is neither a file, a folder nor a link`)
  }
}
