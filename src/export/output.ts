import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Writable } from 'node:stream'
import { Failure, isFailure, messageOf, systemCodeOf } from '../errors.ts'
import { unpack } from './unpack.ts'

/** Where an export goes to. */
export type ExportOutput =
  | { readonly kind: 'stream'; readonly stream: Writable }
  | { readonly kind: 'file'; readonly path: string }
  /** A tar archive is unpacked into it. */
  | { readonly kind: 'folder'; readonly path: string }

/**
 * Whether it can be written at all, before anything is fetched for it.
 *
 * @throws Failure OUTPUT_FAILED for a folder that holds something, and for what no file can take the place of
 */
export async function checkOutput(output: ExportOutput): Promise<void> {
  if (output.kind === 'stream') return
  const { kind, path } = output
  try {
    const found = await fs.lstat(path)
    const replaceable =
      kind === 'file' ? found.isFile() : found.isDirectory() && (await fs.readdir(path)).length === 0
    if (replaceable) return
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return
    throw outputFailed(path, error)
  }
  const advice = kind === 'file' ? 'and is no file' : 'and is no empty folder'
  throw new Failure('OUTPUT_FAILED', `${path} exists already ${advice}: choose another name`)
}

/**
 * Write all pieces. A file or folder gets its name when it is whole; until then it lies beside it under another one, and
 * it goes when something fails.
 *
 * @throws Failure OUTPUT_FAILED; what the pieces throw; the signal's reason
 */
export async function writeOutput(
  output: ExportOutput,
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  if (output.kind === 'stream') return writeStream(output.stream, pieces, signal)
  const path = resolve(output.path)
  const partial = `${path}.${randomBytes(4).toString('hex')}.partial`
  try {
    await (output.kind === 'file' ? writeFile(partial, pieces) : unpack(pieces, partial, writeFile, signal))
    await fs.rename(partial, path)
  } catch (error) {
    await fs.rm(partial, { recursive: true, force: true }).catch(() => undefined)
    signal.throwIfAborted()
    throw isFailure(error) ? error : outputFailed(output.path, error)
  }
}

/** A new file, on the disk when this resolves. */
async function writeFile(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await fs.open(path, 'wx')
  try {
    await fs.writeFile(file, pieces)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function writeStream(
  stream: Writable,
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  // The failure comes by the callback as well; without a listener the event would end the program first.
  stream.on('error', () => undefined)
  for await (const piece of pieces) {
    signal.throwIfAborted()
    await new Promise<void>((done, reject) => {
      const abort = (): void => reject(signal.reason as Error)
      signal.addEventListener('abort', abort, { once: true })
      stream.write(piece, (error) => {
        signal.removeEventListener('abort', abort)
        if (error) reject(outputFailed('the output', error))
        else done()
      })
    })
  }
}

function outputFailed(what: string, error: unknown): Failure {
  return new Failure('OUTPUT_FAILED', `${what} can't be written: ${messageOf(error)}`, { cause: error })
}
