import type { ByteRange, OpenedFile } from '../../content/source.ts'

/** What an open file gives at most at once. */
const PIECE = 1024 * 1024

/** Bytes that are here already, as a file that has been opened: the cache takes in what is fetched in this form. */
export function memoryFile(bytes: Uint8Array, source: string, range: ByteRange | undefined): OpenedFile {
  return {
    size: bytes.length,
    cid: undefined,
    proof: 'none',
    source,
    body: piecesOf(range === undefined ? bytes : bytes.subarray(range.start, range.end)),
    discredit: () => undefined,
  }
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE)
}
