import { createReadStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import type { ByteRange } from '../content/source.ts'
import type { Digest } from '../reference/digest.ts'

/** Bytes per piece that files are read in. */
const PIECE_SIZE = 1024 * 1024

/** A file that may be published, wherever its bytes are. */
export interface SourceFile {
  /** Bytes. */
  readonly size: number
  /** Its sha256 or sha512 where the bytes were hashed when they came in, as those of an archive are. */
  readonly digests?: readonly Digest[]
  /** A fresh stream of the whole file, in pieces of up to 1 MiB. */
  open(signal: AbortSignal): AsyncIterable<Uint8Array>
}

/** What is to be published, before it is checked. */
export interface SourceTree {
  /** How messages name a path in it: `./images/alpine/index.json`. */
  readonly nameOf: (path: string) => string
  /** Path below the root, names joined by `/` → file. */
  readonly files: ReadonlyMap<string, SourceFile>
  /** Directories that hold nothing. */
  readonly emptyDirectories: readonly string[]
  /**
   * Whether an index may name manifests that are not there, as `docker save` writes it for an image of many
   * platforms of which the engine holds one.
   */
  readonly mayLackPlatforms: boolean
}

/** A file on disk, or a range of one. */
export function fileOnDisk(path: string, range: ByteRange): SourceFile {
  return { size: range.end - range.start, open: (signal) => readRange(path, range, signal) }
}

/** A range of a file that is held open, and may have no name any more. */
export function fileInHandle(handle: FileHandle, range: ByteRange): SourceFile {
  return { size: range.end - range.start, open: (signal) => readHandle(handle, range, signal) }
}

async function* readRange(path: string, range: ByteRange, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted()
  if (range.end === range.start) return
  const { start, end } = range
  const stream = createReadStream(path, { start, end: end - 1, highWaterMark: PIECE_SIZE, signal })
  for await (const piece of stream as AsyncIterable<Uint8Array>) yield piece
}

async function* readHandle(
  handle: FileHandle,
  range: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (let at = range.start; at < range.end;) {
    signal.throwIfAborted()
    const piece = Buffer.allocUnsafe(Math.min(PIECE_SIZE, range.end - at))
    const { bytesRead } = await handle.read(piece, 0, piece.length, at)
    if (bytesRead === 0) return
    yield piece.subarray(0, bytesRead)
    at += bytesRead
  }
}

/** A small file made here. */
export function fileInMemory(bytes: Uint8Array): SourceFile {
  return {
    size: bytes.length,
    open: async function* () {
      if (bytes.length > 0) yield bytes
    },
  }
}

/** `a`, `b/c` → `a/b/c`; empty parts vanish. */
export function joinPath(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('/')
}
