import { CID } from 'multiformats/cid'
import { decodeNode } from '../../content/unixfs/node.ts'
import type { UnixfsNode } from '../../content/unixfs/node.ts'
import type { NextVersion } from '../root-store.ts'
import { expectComplete } from './blocks.ts'
import type { Node } from './node.ts'

interface Link {
  readonly cid: CID
  readonly name: string
}

/**
 * Make sure that all below a new version of a root is stored. What the version before has at the same place is, as long
 * as that version is kept; so is what is staged; every other file and folder is looked at, block by block.
 *
 * @param base the folder of the version before
 * @throws Failure CONTENT_NOT_FOUND
 */
export async function expectStored(
  node: Node,
  root: string,
  next: NextVersion,
  base: CID | undefined,
  signal: AbortSignal,
): Promise<void> {
  const check = new StoredLinks(node, root, next, signal)
  await check.compare({ cid: next.cid, name: '' }, base, '')
  await check.expectOthers()
}

class StoredLinks {
  readonly #node: Node
  readonly #root: string
  readonly #new: ReadonlyMap<string, Uint8Array>
  readonly #signal: AbortSignal
  /** What the version before links to, as far as it was read. */
  readonly #held = new Set<string>()
  /** What is linked to and was not in the version before: CID → folder. */
  readonly #others = new Map<string, { cid: CID; path: string }>()

  constructor(node: Node, root: string, { blocks }: NextVersion, signal: AbortSignal) {
    this.#node = node
    this.#root = root
    this.#new = new Map(blocks.map(({ cid, bytes }) => [cid.toString(), bytes]))
    this.#signal = signal
  }

  /** Go through new folders, and through those of the version before that have the same paths. */
  async compare({ cid, name }: Link, base: CID | undefined, parent: string): Promise<void> {
    if (base?.equals(cid) === true) return
    const path = parent === '' ? name : `${parent}/${name}`
    const bytes = this.#new.get(cid.toString())
    if (bytes === undefined) {
      this.#others.set(cid.toString(), { cid, path: parent })
      return
    }
    const before = new Map((await this.#linksOf(base)).map((link) => [link.name, link.cid]))
    for (const held of before.values()) this.#held.add(held.toString())
    for (const link of linksIn(decodeNode(cid, bytes))) {
      await this.compare(link, before.get(link.name), path)
    }
  }

  async expectOthers(): Promise<void> {
    for (const key of this.#held) this.#others.delete(key)
    if (this.#others.size === 0) return
    const staged = await this.#stagedNear([...this.#others.values()].map(({ path }) => path))
    for (const [key, { cid }] of this.#others) {
      if (!staged.has(key)) await expectComplete(this.#node.kubo, cid, this.#signal)
    }
  }

  async #linksOf(cid: CID | undefined): Promise<Link[]> {
    if (cid === undefined) return []
    return linksIn(decodeNode(cid, await this.#node.blocks.get(cid, { signal: this.#signal })))
  }

  /** CIDs that are staged in repositories which have one of the folders in them. */
  async #stagedNear(paths: readonly string[]): Promise<Set<string>> {
    const { mfs, folders } = this.#node
    const staged = new Set<string>()
    for (const repository of new Set(paths.flatMap(withParents))) {
      const folder = folders.stagedIn({ root: this.#root, repository })
      for (const { cid } of (await mfs.entries(folder, this.#signal)) ?? []) staged.add(cid.toString())
    }
    return staged
  }
}

function linksIn(node: UnixfsNode): Link[] {
  if (node.kind === 'file') return node.children.map(({ cid }, at) => ({ cid, name: String(at) }))
  if (node.kind === 'other') return []
  return node.links.map(({ Hash, Name }) => ({ cid: CID.decode(Hash.bytes), name: Name ?? '' }))
}

/** `team`, `team/app` for `team/app`. */
function withParents(path: string): string[] {
  const names = path.split('/')
  return names.map((_, at) => names.slice(0, at + 1).join('/'))
}
