import type { CID } from 'multiformats/cid'
import { Failure, isFailure, messageOf } from '../../errors.ts'
import type { NextVersion, RootVersion, RootVersions } from '../root-store.ts'
import { numberIn, numberName, textOfSegment } from './folders.ts'
import { hold } from './hold.ts'
import type { MfsChange } from './mfs-writer.ts'
import type { Node } from './node.ts'
import { expectStored } from './stored-links.ts'

/** ms for what must be done also where nobody waits for it. */
const CLEANING = 60_000

/**
 * Versions are numbered entries of MFS. To make one an entry is made, which Kubo does for one of all who try; the others
 * have lost. No one holds a lock.
 */
export class KuboRootVersions implements RootVersions {
  readonly #node: Node
  readonly #kept: number

  /** @param kept versions that stay */
  constructor(node: Node, kept: number) {
    this.#node = node
    this.#kept = kept
  }

  async head(root: string, signal: AbortSignal): Promise<RootVersion | undefined> {
    return (await this.history(root, signal))[0]
  }

  async history(root: string, signal: AbortSignal): Promise<readonly RootVersion[]> {
    const { mfs, folders, blocks } = this.#node
    const folder = folders.versions(root)
    try {
      const entries = (await mfs.entries(folder, signal)) ?? []
      const versions = entries
        .map(({ name, cid }) => ({ number: numberIn(name) ?? 0, cid, at: undefined }))
        .filter(({ number }) => number > 0)
        .sort((a, b) => b.number - a.number)
      const [newest] = versions
      if (newest !== undefined) await blocks.get(newest.cid, { signal })
      return versions
    } catch (error) {
      signal.throwIfAborted()
      throw unreadable(root, folder, error)
    }
  }

  async commit(
    root: string,
    base: RootVersion | undefined,
    next: NextVersion,
    signal: AbortSignal,
  ): Promise<RootVersion | undefined> {
    const { folders, now, writer } = this.#node
    const held = `${folders.commits}/${now()}-${crypto.randomUUID()}`
    try {
      const blocks = next.blocks
      await hold(this.#node, next.cid, blocks, { path: held, parents: true }, signal)
      await expectStored(this.#node, root, next, base?.cid, signal)
      const number = (base?.number ?? 0) + 1
      const { value: won } = await writer.change(signal, async (change) => {
        const made = await this.#make(change, root, number, next.cid)
        await change.remove(held)
        return made
      })
      return won ? { number, cid: next.cid, at: undefined } : undefined
    } catch (error) {
      // Where it can't be removed it is swept.
      const cleaning = AbortSignal.timeout(CLEANING)
      await writer.change(cleaning, (change) => change.remove(held)).catch(() => undefined)
      throw error
    }
  }

  /** Names of the roots that have versions. */
  async roots(signal: AbortSignal): Promise<readonly string[]> {
    const { mfs, folders } = this.#node
    return (await mfs.names(folders.roots, signal)).map(textOfSegment)
  }

  /** Paths of versions that are older than the history, oldest first, as they are where it was longer before. */
  async beyondHistory(signal: AbortSignal): Promise<readonly string[]> {
    const { mfs, folders } = this.#node
    const paths: string[] = []
    for (const root of await this.roots(signal)) {
      const folder = folders.versions(root)
      const numbers = numbersIn(await mfs.names(folder, signal))
      paths.push(...numbers.slice(0, -this.#kept).map((number) => `${folder}/${numberName(number)}`))
    }
    return paths
  }

  async #make(change: MfsChange, root: string, number: number, cid: CID): Promise<boolean> {
    const folder = this.#node.folders.versions(root)
    const path = `${folder}/${numberName(number)}`
    if (!(await change.link(cid, path, { parents: true }))) return false
    const names = await this.#node.mfs.names(folder, AbortSignal.timeout(CLEANING))
    const numbers = numbersIn(names)
    const newest = Math.max(...numbers)
    // A number that has been removed can be taken again, by one who comes very late. The oldest are removed first: so
    // none has been removed from where the one before is there.
    if (newest > number && !numbers.includes(number - 1)) {
      await change.remove(path)
      return false
    }
    for (const old of numbers.slice(0, -this.#kept)) {
      if (old !== number) await change.remove(`${folder}/${numberName(old)}`)
    }
    return true
  }
}

/** Numbers of versions, lowest first. */
function numbersIn(names: readonly string[]): number[] {
  const numbers = names.map((name) => numberIn(name) ?? 0).filter((one) => one > 0)
  return numbers.sort((a, b) => a - b)
}

function unreadable(root: string, folder: string, cause: unknown): Failure {
  const down = isFailure(cause, 'CONTENT_UNAVAILABLE') && /does not answer/.test(cause.message)
  const advice = down
    ? 'start the node, or see why it does not answer'
    : `look at it with "ipfs files ls -l ${folder}"; remove an entry there only if an older one is to be the root`
  const message = `the newest version of the root "${root}" can't be told, so nothing is written: ${advice}`
  return new Failure('ROOT_UNREADABLE', `${message} (${messageOf(cause)})`, { cause })
}
