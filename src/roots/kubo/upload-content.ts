import type { CID } from 'multiformats/cid'
import { Failure } from '../../errors.ts'
import type { RepositoryPlace } from '../root-store.ts'
import { numberIn, timeIn } from './folders.ts'
import type { Node } from './node.ts'
import { sizedFile } from './sized-file.ts'
import { beginOf, belongsTo } from './upload-id.ts'

export interface StoredPart {
  readonly cid: CID
  /** Bytes. */
  readonly size: number
}

/** What there is of an upload. */
export interface UploadContent {
  readonly parts: readonly StoredPart[]
  /** Bytes. */
  readonly size: number
  /** When it was last known to be written to, ms since the epoch. */
  readonly seen: number
}

/** @throws Failure UPLOAD_UNKNOWN */
export async function readUpload(
  { mfs, folders, blocks }: Node,
  place: RepositoryPlace,
  id: string,
  signal: AbortSignal,
): Promise<UploadContent> {
  const entries = belongsTo(place, id) ? await mfs.entries(folders.upload(id), signal) : undefined
  if (entries === undefined) throw unknownUpload(id)
  const parts: StoredPart[] = []
  let size = 0
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (numberIn(entry.name) !== size) continue
    const part = await sizedFile(entry, blocks, signal)
    parts.push(part)
    size += part.size
  }
  return {
    parts,
    size,
    seen: lastSeen(
      id,
      entries.map(({ name }) => name),
    ),
  }
}

/**
 * When an upload was last known to be written to, ms since the epoch.
 *
 * @param names of what is in its folder
 */
export function lastSeen(id: string, names: readonly string[]): number {
  const times = names.filter((name) => name.startsWith('seen-')).map((name) => timeIn(name) ?? 0)
  return Math.max(beginOf(id) ?? 0, ...times)
}

export function unknownUpload(id: string): Failure {
  return new Failure('UPLOAD_UNKNOWN', `there is no upload "${id.slice(0, 100)}" to this repository`)
}
