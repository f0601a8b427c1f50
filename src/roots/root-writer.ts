import { LRUCache } from 'lru-cache'
import { Failure } from '../errors.ts'
import type { RootStore, RootVersion } from './root-store.ts'
import { RootTree, type Edit, type TreeView } from './root-tree.ts'

/**
 * Look at the newest version and say what is to be changed; nothing where all is as it should be. Done again where
 * another version came first, so it depends on nothing but what it is shown.
 */
export type Change = (tree: TreeView, signal: AbortSignal) => Promise<readonly Edit[]>

/** A version that can be looked at. */
export interface Snapshot {
  readonly version: RootVersion
  readonly tree: TreeView
}

interface Pending {
  readonly signal: AbortSignal
  /** Apply it to the tree. @returns whether it changed anything */
  readonly apply: (tree: RootTree) => Promise<boolean>
  readonly done: (snapshot: Snapshot | undefined) => void
  readonly failed: (error: unknown) => void
}

/** How often a commit is tried before its changes fail; each time another gateway was faster. */
const ATTEMPTS = 100
/** ms that one round of changes may take. */
const ROUND_TIMEOUT = 120_000
/** Versions whose folders are kept in memory. */
const KEPT_TREES = 3

/**
 * Changes one root, whoever else does. Changes that come while one is being committed are committed together with the
 * next; each sees those before it. Where another gateway was faster, all are made again on top of what it did.
 */
export class RootWriter {
  readonly root: string
  readonly #store: RootStore
  readonly #onCommit: (version: RootVersion) => void
  readonly #trees = new LRUCache<number, Snapshot>({ max: KEPT_TREES })
  #waiting: Pending[] = []
  #running = false

  /** @param onCommit told of each version that was made here */
  constructor(store: RootStore, root: string, onCommit: (version: RootVersion) => void = () => undefined) {
    this.#store = store
    this.root = root
    this.#onCommit = onCommit
  }

  /** The newest version; undefined where there is none yet. @throws Failure ROOT_UNREADABLE */
  async newest(signal: AbortSignal): Promise<Snapshot | undefined> {
    const version = await this.#store.versions.head(this.root, signal)
    return version === undefined ? undefined : this.#snapshot(version)
  }

  /**
   * Make a change. When this resolves it is durable.
   *
   * @returns the version with the change, or a later one
   *
   * @throws what the change throws; Failure ROOT_UNREADABLE; OVERLOADED when other gateways are always faster
   */
  async commit(change: Change, signal: AbortSignal): Promise<Snapshot> {
    signal.throwIfAborted()
    const snapshot = await new Promise<Snapshot | undefined>((resolve, reject) => {
      this.#waiting.push({
        signal,
        done: resolve,
        failed: reject,
        async apply(tree) {
          const edits = await change(tree, signal)
          for (const edit of edits) await tree.apply(edit, signal)
          return edits.length > 0
        },
      })
      if (!this.#running) void this.#run()
    })
    if (snapshot === undefined) {
      throw new Failure('NAME_UNKNOWN', `nothing has been pushed to the root ${this.root} yet`)
    }
    return snapshot
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#waiting.length > 0) {
      const round = this.#waiting
      this.#waiting = []
      try {
        await this.#commitAll(round, AbortSignal.timeout(ROUND_TIMEOUT))
      } catch (error) {
        for (const pending of round) pending.failed(error)
      }
    }
    this.#running = false
  }

  async #commitAll(round: readonly Pending[], signal: AbortSignal): Promise<void> {
    let left = round
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const base = await this.#store.versions.head(this.root, signal)
      const tree = new RootTree(this.#store.blocks, base?.cid)
      const { applied, failed } = await applyAll(left, tree)
      // What was looked at may be outdated by now: what it lacked, the next version may have.
      if (failed.length > 0 && (await this.#hasMoved(base, signal))) continue
      for (const { pending, error } of failed) pending.failed(error)
      left = applied.map(({ pending }) => pending)
      if (!applied.some(({ edited }) => edited)) {
        for (const pending of left) pending.done(base && this.#snapshot(base))
        return
      }
      const next = await tree.write(signal)
      const version = next.cid.equals(base?.cid)
        ? base
        : await this.#store.versions.commit(this.root, base, next, signal)
      if (version !== undefined) {
        const snapshot = { version, tree }
        this.#trees.set(version.number, snapshot)
        if (version !== base) this.#onCommit(version)
        for (const pending of left) pending.done(snapshot)
        return
      }
    }
    throw new Failure(
      'OVERLOADED',
      `other gateways changed the root ${this.root} ${ATTEMPTS} times meanwhile`,
    )
  }

  async #hasMoved(base: RootVersion | undefined, signal: AbortSignal): Promise<boolean> {
    return (await this.#store.versions.head(this.root, signal))?.number !== base?.number
  }

  #snapshot(version: RootVersion): Snapshot {
    const known = this.#trees.get(version.number)
    if (known?.version.cid.equals(version.cid) === true) return known
    const snapshot = { version, tree: new RootTree(this.#store.blocks, version.cid) }
    this.#trees.set(version.number, snapshot)
    return snapshot
  }
}

/** A change that fails leaves the tree as it was, since what it wants is known whole before any of it is done. */
async function applyAll(round: readonly Pending[], tree: RootTree): Promise<Applied> {
  const applied: { pending: Pending; edited: boolean }[] = []
  const failed: { pending: Pending; error: unknown }[] = []
  for (const pending of round) {
    try {
      pending.signal.throwIfAborted()
      applied.push({ pending, edited: await pending.apply(tree) })
    } catch (error) {
      failed.push({ pending, error })
    }
  }
  return { applied, failed }
}

interface Applied {
  readonly applied: readonly { readonly pending: Pending; readonly edited: boolean }[]
  readonly failed: readonly { readonly pending: Pending; readonly error: unknown }[]
}
