import { isTag } from '../reference/tag.ts'
import { ANNOTATION } from './annotation.ts'
import type { Descriptor } from './descriptor.ts'

/** How an entry of index.json is named by whoever wrote it. */
export interface EntryName {
  /** The annotation as it stands: a tag, a full name, or anything else. */
  readonly refName: string | undefined
  /** `docker.io/library/alpine` of `docker.io/library/alpine:3` */
  readonly repository: string | undefined
  /** The tag in that full name; `latest` where it has neither tag nor digest. */
  readonly fullTag: string | undefined
  /** The tag that the entry is listed under. */
  readonly tag: string | undefined
}

export function nameOf(entry: Descriptor): EntryName {
  const refName = entry.annotations?.[ANNOTATION.refName] || undefined
  const full = entry.annotations?.[ANNOTATION.imageName] || fullNameIn(refName)
  const { repository, fullTag } = full === undefined ? {} : splitFullName(full)
  return {
    refName,
    repository,
    fullTag,
    tag: refName !== undefined && isTag(refName) ? refName : fullTag,
  }
}

/** Whether the entry's full name is of the repository that the name hint means: it, or the end of it. */
export function isOfRepository(name: EntryName, hint: string): boolean {
  return name.repository !== undefined && (name.repository === hint || name.repository.endsWith(`/${hint}`))
}

function fullNameIn(refName: string | undefined): string | undefined {
  return refName !== undefined && /[/:]/.test(refName) ? refName : undefined
}

/** `docker.io/library/alpine:3` → repository and tag; `latest` where there is neither tag nor digest. */
export function splitFullName(full: string): { repository: string; fullTag?: string } {
  const [name = '', digest] = full.split('@', 2)
  const colon = name.lastIndexOf(':')
  // A colon before the last slash is that of a port.
  if (colon > name.lastIndexOf('/')) {
    const tag = name.slice(colon + 1)
    return { repository: name.slice(0, colon), ...(isTag(tag) ? { fullTag: tag } : {}) }
  }
  return { repository: name, ...(digest === undefined ? { fullTag: 'latest' } : {}) }
}
