import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import type { ByteSource } from '../content/car/byte-source.ts'
import { CarReader } from '../content/car/car-reader.ts'
import { Failure } from '../errors.ts'
import type { KeptRecords } from '../naming/kept-records.ts'
import { progressOf } from '../publish/progress.ts'
import type { PublishInput } from '../publish/publisher.ts'
import { unreadable } from '../publish/unreadable.ts'
import type { CarTarget } from './car-target.ts'
import { importRecord } from './import-record.ts'
import type { Importer, ImportRequest, ImportResult } from './importer.ts'

export interface ImporterOptions {
  readonly cars: CarTarget
  readonly records: KeptRecords
}

/** Ends of the names of files that hold an IPNS record, as gateways name what they send. */
const RECORD = '.ipns-record'

/** Bytes per piece that files are read in. */
const PIECE_SIZE = 256 * 1024

/** An {@link Importer} that tells a CAR from a record by how it was asked, and by the name of the file. */
export function createImporter(options: ImporterOptions): Importer {
  return { import: (request) => importFile(options, request) }
}

interface OpenedFile {
  /** How people call it. */
  readonly label: string
  /** Bytes; undefined while unknown. */
  readonly size: number | undefined
  readonly pieces: AsyncIterable<Uint8Array>
}

async function importFile({ cars, records }: ImporterOptions, request: ImportRequest): Promise<ImportResult> {
  const { name, allowIncomplete, signal, onProgress } = request
  const { label, size, pieces } = await openInput(request.input, signal)
  if (name !== undefined || label.endsWith(RECORD)) return importRecord(records, pieces, name ?? label)
  const reading = progressOf('reading', onProgress)
  const iterator = pieces[Symbol.asyncIterator]()
  const source: ByteSource = {
    async read() {
      signal.throwIfAborted()
      const next = await iterator.next()
      if (next.done === true) return undefined
      reading(next.value.byteLength, size)
      return next.value
    },
  }
  try {
    const imported = await cars.importCar(new CarReader(source, label, 'file'), {
      label,
      allowIncomplete,
      signal,
      ...(onProgress === undefined ? {} : { onProgress }),
    })
    // The index of a CARv2 comes behind it; whoever writes it into a pipe is to get rid of it.
    while ((await source.read()) !== undefined);
    return imported
  } finally {
    await iterator.return?.()
  }
}

/** @throws Failure IMPORT_INVALID when it can't be read */
async function openInput(input: PublishInput, signal: AbortSignal): Promise<OpenedFile> {
  if (input.kind === 'stream') return { label: 'the CAR', size: undefined, pieces: input.stream }
  const { path } = input
  try {
    const file = await open(path, 'r')
    const found = await file.stat()
    if (found.isDirectory()) {
      await file.close()
      throw new Failure('IMPORT_INVALID', `${path} is a folder, not a CAR`)
    }
    const pieces = file.createReadStream({ highWaterMark: PIECE_SIZE, signal }) as AsyncIterable<Uint8Array>
    return { label: basename(path), size: found.isFile() ? found.size : undefined, pieces }
  } catch (error) {
    throw error instanceof Failure ? error : unreadable(path, error, 'IMPORT_INVALID')
  }
}
