import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract } from 'tar-stream'

/**
 * Unpack the files of an archive that this program made into a new folder.
 *
 * @param write makes a new file
 * @throws what the pieces throw, the system's own errors, the signal's reason
 */
export async function unpack(
  pieces: AsyncIterable<Uint8Array>,
  folder: string,
  write: (path: string, content: AsyncIterable<Uint8Array>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(folder)
  const archive = extract()
  const source = Readable.from(copied(pieces), { objectMode: false })
  const feeding = pipeline(source, archive as unknown as NodeJS.WritableStream, { signal })
  // What fails there comes out of the loop as well.
  feeding.catch(() => undefined)
  try {
    for await (const entry of archive) {
      const path = join(folder, entry.header.name)
      await mkdir(dirname(path), { recursive: true })
      await write(path, entry as AsyncIterable<Uint8Array>)
    }
    await feeding
  } finally {
    archive.destroy()
  }
}

/** Streams ask for the next piece, which the last one is not valid after, before they have passed that on. */
async function* copied(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield Buffer.from(piece)
}
