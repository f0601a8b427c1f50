import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import * as zlib from 'node:zlib'
import type { Transform } from 'node:stream'
import { Failure, messageOf } from '../../errors.ts'

/** How bytes are compressed, told by their first ones. */
export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz'

const MAGIC: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
]
/** Bytes that {@link compressionOf} looks at. */
export const MAGIC_LENGTH = 6

const PIECE_SIZE = 1024 * 1024

export function compressionOf(head: Uint8Array): Compression {
  const found = MAGIC.find(([, magic]) => magic.every((byte, at) => head[at] === byte))
  return found?.[0] ?? 'none'
}

/**
 * The bytes as they were before they were compressed.
 *
 * @throws Failure LAYOUT_INVALID when this Node.js can't decompress them, or they are damaged
 */
export async function* decompress(
  compressed: AsyncIterable<Uint8Array>,
  compression: Compression,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (compression === 'none') {
    yield* compressed
    return
  }
  const decompressor = decompressorFor(compression)
  const feeding = pipeline(Readable.from(compressed, { objectMode: false }), decompressor, { signal })
  // a failure comes out of the loop as well; this one may come when nobody listens any more
  feeding.catch(() => undefined)
  try {
    for await (const piece of decompressor as AsyncIterable<Uint8Array>) yield piece
    await feeding
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Failure) throw error
    const message = `the ${compression} compression of the archive is damaged or cut short: ${messageOf(error)}`
    throw new Failure('LAYOUT_INVALID', message, { cause: error })
  } finally {
    decompressor.destroy()
  }
}

function decompressorFor(compression: Compression): Transform {
  if (compression === 'gzip') return zlib.createGunzip({ chunkSize: PIECE_SIZE })
  // Node.js has it from 22.15 on
  const { createZstdDecompress } = zlib as { createZstdDecompress?: (options: object) => Transform }
  if (compression === 'zstd' && createZstdDecompress !== undefined) {
    return createZstdDecompress({ chunkSize: PIECE_SIZE })
  }
  const command = compression === 'zstd' ? 'zstd -dc' : `${compression} -dc`
  const advice = `decompress it first, for instance with \`${command} FILE | ipfs-registry publish -\``
  throw new Failure('LAYOUT_INVALID', `archives compressed with ${compression} can't be read here: ${advice}`)
}
