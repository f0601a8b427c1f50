import type { CID } from 'multiformats/cid'
import { below, formatContentPath, type ContentPath, type ContentSource } from '../content/source.ts'
import { Failure, isFailure } from '../errors.ts'
import { repositoriesIn } from '../roots/catalog.ts'
import { withOwnSignal } from './own-signal.ts'

/** What a root has: image layouts by the names of their repositories, or all of a storage tree. */
export type RootContents =
  | { readonly kind: 'layouts'; readonly repositories: ReadonlyMap<string, CID> }
  | { readonly kind: 'tree'; readonly cid: CID }

/** Entries of one folder, and folders, that are looked at. */
const MOST_ENTRIES = 100_000
const MOST_FOLDERS = 20_000

/**
 * Find out what there is to keep.
 *
 * @param isWanted whether a repository of layouts is to be kept; a storage tree is one thing
 * @throws Failure CONTENT_* when any of it can't be told: nothing is taken for absent that could not be read
 */
export async function contentsOf(
  root: ContentPath,
  content: ContentSource,
  isWanted: (repository: string) => boolean,
  signal: AbortSignal,
): Promise<RootContents> {
  if (await isFolder(below(root, 'docker', 'registry', 'v2'), content, signal)) {
    return { kind: 'tree', cid: await cidOf(root, content, signal) }
  }
  let folders = 0
  const names = async (path: readonly string[], own: AbortSignal): Promise<string[] | undefined> => {
    folders += 1
    if (folders > MOST_FOLDERS) {
      throw new Failure(
        'CONTENT_TOO_LARGE',
        `${formatContentPath(root)} has more than ${MOST_FOLDERS} folders`,
      )
    }
    return entriesIn(below(root, ...path), content, own)
  }
  const found = (await repositoriesIn({ names }, signal)).filter(isWanted)
  const repositories = new Map<string, CID>()
  for (const name of found) {
    repositories.set(name, await cidOf(below(root, ...name.split('/')), content, signal))
  }
  return { kind: 'layouts', repositories }
}

async function entriesIn(
  path: ContentPath,
  content: ContentSource,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  try {
    const limit = MOST_ENTRIES
    const entries = await withOwnSignal(signal, (own) => content.list(path, { limit, signal: own }))
    return entries.map(({ name }) => name)
  } catch (error) {
    if (isFailure(error, 'CONTENT_NOT_FOUND')) return undefined
    throw error
  }
}

async function isFolder(path: ContentPath, content: ContentSource, signal: AbortSignal): Promise<boolean> {
  try {
    const { kind } = await withOwnSignal(signal, (own) => content.stat(path, { signal: own }))
    return kind === 'directory'
  } catch (error) {
    if (isFailure(error, 'CONTENT_NOT_FOUND')) return false
    throw error
  }
}

async function cidOf(path: ContentPath, content: ContentSource, signal: AbortSignal): Promise<CID> {
  const { cid } = await withOwnSignal(signal, (own) => content.stat(path, { signal: own }))
  if (cid !== undefined) return cid
  throw new Failure(
    'CONTENT_UNAVAILABLE',
    `no source tells the CID of ${formatContentPath(path)}; a trusted-gateway can't`,
  )
}
