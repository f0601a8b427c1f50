import { createHash, randomBytes } from 'node:crypto'
import type { RepositoryPlace } from '../root-store.ts'

const FORM = /^([0-9a-z]{8,11})-[0-9a-f]{32}-([0-9a-f]{16})$/

/** An id that says when the upload was begun and which repository it belongs to. */
export function newUploadId(place: RepositoryPlace, now: number): string {
  return `${now.toString(36)}-${randomBytes(16).toString('hex')}-${markOf(place)}`
}

/** Whether the id can be one of an upload to this repository. */
export function belongsTo(place: RepositoryPlace, id: string): boolean {
  return FORM.exec(id)?.[2] === markOf(place)
}

/** When the upload was begun, ms since the epoch; undefined for what is no id. */
export function beginOf(id: string): number | undefined {
  const text = FORM.exec(id)?.[1]
  return text === undefined ? undefined : Number.parseInt(text, 36)
}

function markOf({ root, repository }: RepositoryPlace): string {
  return createHash('sha256').update(`${root}\n${repository}`).digest('hex').slice(0, 16)
}
