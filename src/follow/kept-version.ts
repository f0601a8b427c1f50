import { CID } from 'multiformats/cid'
import type { RootContents } from './root-contents.ts'

/** A root as it is kept, on disk. */
export interface SavedVersion {
  /** `/ipfs/<cid>/<path>` */
  readonly path: string
  /** ms since the epoch when all of it was there. */
  readonly at: number
  /** CID of a storage tree. */
  readonly tree?: string
  /** Repository → CID of its layout. */
  readonly repositories?: Readonly<Record<string, string>>
}

/** Where it is remembered across restarts. */
export interface VersionMemory {
  load(): Promise<SavedVersion | undefined>
  save(version: SavedVersion): Promise<void>
}

export interface KeptVersion {
  readonly path: string
  readonly at: number
  readonly contents: RootContents
}

export function toSaved({ path, at, contents }: KeptVersion): SavedVersion {
  if (contents.kind === 'tree') return { path, at, tree: contents.cid.toString() }
  const entries = [...contents.repositories].map(([name, cid]) => [name, cid.toString()] as const)
  return { path, at, repositories: Object.fromEntries(entries) }
}

export function fromSaved({ path, at, tree, repositories = {} }: SavedVersion): KeptVersion {
  if (tree !== undefined) return { path, at, contents: { kind: 'tree', cid: CID.parse(tree) } }
  const entries = Object.entries(repositories).map(([name, cid]) => [name, CID.parse(cid)] as const)
  return { path, at, contents: { kind: 'layouts', repositories: new Map(entries) } }
}

/** What has to be held for it. */
export function cidsOf(contents: RootContents): readonly CID[] {
  return contents.kind === 'tree' ? [contents.cid] : [...contents.repositories.values()]
}
