import type { CID } from 'multiformats/cid'
import type { AddedFile } from '../../publish/target.ts'
import type { Digest } from '../../reference/digest.ts'
import type { RepositoryPlace, StagedBlobs } from '../root-store.ts'
import { expectComplete } from './blocks.ts'
import { stagedPrefix, timeIn } from './folders.ts'
import type { MfsChange } from './mfs-writer.ts'
import type { Node } from './node.ts'

/** Staged blobs are entries of MFS. An entry is there only while all of its blob is. */
export class KuboStagedBlobs implements StagedBlobs {
  readonly #node: Node

  constructor(node: Node) {
    this.#node = node
  }

  async find(place: RepositoryPlace, digest: Digest, signal: AbortSignal): Promise<AddedFile | undefined> {
    const names = await this.#names(place, [digest], signal)
    // The newest: an older one may be removed in this moment.
    const [newest] = names.sort((a, b) => (timeIn(b) ?? 0) - (timeIn(a) ?? 0))
    if (newest === undefined) return undefined
    return this.#node.mfs.stat(`${this.#node.folders.stagedIn(place)}/${newest}`, signal)
  }

  async stage(place: RepositoryPlace, digest: Digest, file: AddedFile, signal: AbortSignal): Promise<void> {
    const { kubo, writer } = this.#node
    // Until it is known to be complete it has a name under which nobody finds it.
    const held = `${this.#node.folders.commits}/${this.#node.now()}-${crypto.randomUUID()}`
    await writer.change(signal, (change) => change.link(file.cid, held, { parents: true }))
    try {
      await expectComplete(kubo, file.cid, signal)
      await writer.change(signal, (change) => this.add(change, place, digest, file.cid))
    } finally {
      await writer.change(AbortSignal.timeout(60_000), (change) => change.remove(held))
    }
  }

  async drop(place: RepositoryPlace, digests: readonly Digest[], signal: AbortSignal): Promise<void> {
    const names = await this.#names(place, digests, signal)
    if (names.length === 0) return
    const folder = this.#node.folders.stagedIn(place)
    await this.#node.writer.change(signal, async (change) => {
      for (const name of names) await change.remove(`${folder}/${name}`)
    })
  }

  /** Stage a file that is complete and held by another entry. */
  async add(change: MfsChange, place: RepositoryPlace, digest: Digest, cid: CID): Promise<void> {
    const folder = this.#node.folders.stagedIn(place)
    // An entry of the same moment is of the same blob.
    await change.link(cid, `${folder}/${stagedPrefix(digest)}${this.#node.now()}`, { parents: true })
  }

  async #names(place: RepositoryPlace, digests: readonly Digest[], signal: AbortSignal): Promise<string[]> {
    const names = await this.#node.mfs.names(this.#node.folders.stagedIn(place), signal)
    const prefixes = digests.map(stagedPrefix)
    return (names ?? []).filter((name) => prefixes.some((prefix) => name.startsWith(prefix)))
  }
}
