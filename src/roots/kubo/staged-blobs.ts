import type { CID } from 'multiformats/cid'
import type { AddedFile } from '../../publish/target.ts'
import type { Digest } from '../../reference/digest.ts'
import type { RepositoryPlace, StagedBlobs } from '../root-store.ts'
import { expectComplete } from './blocks.ts'
import { sizedFile } from './sized-file.ts'
import type { FolderEntry } from './folder.ts'
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
    const entries = await this.#entries(place, [digest], signal)
    // The newest: an older one may be removed in this moment.
    const [newest] = entries.sort((a, b) => (timeIn(b.name) ?? 0) - (timeIn(a.name) ?? 0))
    return newest === undefined ? undefined : sizedFile(newest, this.#node.blocks, signal)
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
    const entries = await this.#entries(place, digests, signal)
    if (entries.length === 0) return
    const folder = this.#node.folders.stagedIn(place)
    await this.#node.writer.change(signal, async (change) => {
      for (const { name } of entries) await change.remove(`${folder}/${name}`)
    })
  }

  /** Stage a file that is complete and held by another entry. */
  async add(change: MfsChange, place: RepositoryPlace, digest: Digest, cid: CID): Promise<void> {
    const folder = this.#node.folders.stagedIn(place)
    // An entry of the same moment is of the same blob.
    await change.link(cid, `${folder}/${stagedPrefix(digest)}${this.#node.now()}`, { parents: true })
  }

  async #entries(
    place: RepositoryPlace,
    digests: readonly Digest[],
    signal: AbortSignal,
  ): Promise<FolderEntry[]> {
    const entries = (await this.#node.mfs.entries(this.#node.folders.stagedIn(place), signal)) ?? []
    const prefixes = digests.map(stagedPrefix)
    return entries.filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix)))
  }
}
