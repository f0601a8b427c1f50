import { Failure } from '../errors.ts'
import { LARGEST_RECORD } from '../naming/ipns-record.ts'
import type { KeptRecords } from '../naming/kept-records.ts'
import { parseKey } from '../naming/target.ts'
import type { ImportedRecord } from './importer.ts'

/**
 * Keep an IPNS record.
 *
 * @param name an IPNS key, or the name of a file that begins with one
 */
export async function importRecord(
  records: KeptRecords,
  pieces: AsyncIterable<Uint8Array>,
  name: string,
): Promise<ImportedRecord> {
  const [named = ''] = name.replace(/^\/ipns\//, '').split(/[^a-zA-Z0-9]/, 1)
  const key = parseKey(named)
  if (key === undefined) throw noKey(name)
  const { value, sequence, validUntil } = await records.add(key.key, await readAll(pieces))
  return {
    kind: 'ipns-record',
    name: key.text,
    value,
    sequence: String(sequence),
    validUntil: new Date(validUntil).toISOString(),
  }
}

function noKey(name: string): Failure {
  const advice = 'give it as --name, or as the name of the file'
  return new Failure(
    'NAME_INVALID',
    `"${name.slice(0, 100)}" is no IPNS key, like k51… or 12D3Koo…: ${advice}`,
  )
}

async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const piece of pieces) {
    parts.push(Uint8Array.from(piece))
    size += piece.byteLength
    // One byte too many is enough to see that it is no record.
    if (size > LARGEST_RECORD) break
  }
  return Buffer.concat(parts)
}
