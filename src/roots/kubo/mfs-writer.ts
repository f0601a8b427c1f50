import { posix } from 'node:path'
import type { CID } from 'multiformats/cid'
import { waitFor } from '../../content/wait-for.ts'
import { Failure, isFailure } from '../../errors.ts'
import { putBlocks } from '../../publish/kubo/put-blocks.ts'
import type { KuboAddress } from '../../publish/kubo/rpc.ts'
import type { Block } from '../../publish/target.ts'
import { isAbsent, one } from './mfs.ts'
import type { MfsReader } from './mfs.ts'
import { NOTHING, unpin } from './pins.ts'
import { COLLECTION_PATIENCE, whileUncollected } from './uncollected.ts'

/**
 * What Kubo says when an entry is gone as soon as it was made: the folder above was flushed by somebody else, Kubo then
 * reads the one that is changed anew, and the entry went into the one that was read before. It is nowhere then.
 */
const FORGOTTEN = /cannot flush the created file \//i
/** What it says when the entry is written down, and the same has happened to the folder that it is in. */
const MADE = /cannot flush the created file's parent folder/i
/** How often an entry is made that is forgotten each time. */
const TRIES = 10

/** A folder of MFS that stays empty. */
const NEVER_USED = '/ipfs-registry/.flushed'

/** ms from a change until all that MFS is by then is written down once more. */
const SETTLED_AFTER = 1000

/** ms in which Kubo removes a pin where no garbage collection waits. */
const PROMPT = 1000

export interface Changed<T> {
  readonly value: T
  /**
   * Whether garbage may have been collected by what MFS was before the change, so that blocks which only the change
   * holds are gone.
   */
  readonly collected: boolean
}

/**
 * Changes Kubo's MFS so that garbage collection does not undo it.
 *
 * A collection takes for garbage what is not in MFS at the moment when it is asked for, also the blocks of folders that
 * MFS gets from then until its end: MFS is broken then. So changes are made while no collection is under way
 * ({@link whileUncollected}). One that is asked for in that moment has looked at MFS before the change, and waits:
 * removing a pin, which waits behind it, shows that. Then the folders are read before it begins, and put again when it is over.
 */
export class MfsWriter {
  readonly #kubo: KuboAddress
  readonly #reader: MfsReader
  readonly #settledAfter: number
  #settling: NodeJS.Timeout | undefined
  /** The change that is being made, and those that wait for it. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(kubo: KuboAddress, reader: MfsReader, settledAfter = SETTLED_AFTER) {
    this.#kubo = kubo
    this.#reader = reader
    this.#settledAfter = settledAfter
  }

  /**
   * Once it has begun to change something it goes on to the end, whatever happens to the signal. One is made after the
   * other: Kubo carries a change from folder to folder up to the root that it writes down, and of two at once the slower
   * one carries an older state of what they share, without what the other was told is there.
   *
   * @param pinned a pin that is needed no more when the change is safe
   */
  async change<T>(
    signal: AbortSignal,
    action: (change: MfsChange) => Promise<T>,
    pinned: CID = NOTHING,
  ): Promise<Changed<T>> {
    try {
      return await this.#inTurn(signal, action, pinned)
    } finally {
      this.#settleSoon()
    }
  }

  /**
   * Of two gateways that change something at once, Kubo may write down the older state last: what MFS is was told to both,
   * but what it will be after a crash is not that, until the next change. So there is always another one.
   */
  #settleSoon(): void {
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined
      const signal = AbortSignal.timeout(COLLECTION_PATIENCE)
      // Where it does not work, Kubo is down, and what MFS is has been read from its disk when it is back.
      this.#inTurn(signal, (change) => change.settle(), NOTHING).catch(() => undefined)
    }, this.#settledAfter).unref()
  }

  async #inTurn<T>(
    signal: AbortSignal,
    action: (change: MfsChange) => Promise<T>,
    pinned: CID,
  ): Promise<Changed<T>> {
    const before = this.#last
    const changing = waitFor(before, COLLECTION_PATIENCE, signal).then(() =>
      this.#change(signal, action, pinned),
    )
    // Who gives up waiting lets nobody overtake.
    this.#last = Promise.allSettled([before, changing])
    return changing
  }

  async #change<T>(
    signal: AbortSignal,
    action: (change: MfsChange) => Promise<T>,
    pinned: CID,
  ): Promise<Changed<T>> {
    const lasting = AbortSignal.timeout(COLLECTION_PATIENCE)
    let settled: Promise<void> = Promise.resolve()
    let threatened: Block[] = []
    let collected = false
    const result = await whileUncollected(this.#kubo, signal, async () => {
      const change = new MfsChange(this.#kubo, lasting)
      const [outcome] = await Promise.allSettled([action(change).finally(() => change.flush())])
      settled = unpin(this.#kubo, pinned, lasting)
      if (
        (await waitFor(
          settled.then(() => true),
          PROMPT,
          lasting,
        )) === undefined
      ) {
        collected = true
        threatened = await this.#blocksOf(change.folders, lasting)
      }
      return outcome
    })
    await settled
    if (threatened.length > 0) await putBlocks(this.#kubo, threatened, lasting)
    if (result.status === 'rejected') throw result.reason
    return { value: result.value, collected }
  }

  /** The blocks of folders and of those above them, as far as they are there. */
  async #blocksOf(folders: Iterable<string>, signal: AbortSignal): Promise<Block[]> {
    const found = new Map<string, Block>()
    for (const path of withParents(folders)) {
      const folder = await this.#reader.folder(path, signal)
      for (const block of folder?.blocks ?? []) found.set(block.cid.toString(), block)
    }
    return [...found.values()]
  }
}

/** What can be changed in MFS. An entry survives a kill -9 when it is made, all else when {@link flush} resolves. */
export class MfsChange {
  /** Folders that are other ones now. */
  readonly folders = new Set<string>()
  /** Whether something is changed that a kill -9 would undo. */
  #unflushed = false
  readonly #kubo: KuboAddress
  readonly #signal: AbortSignal

  constructor(kubo: KuboAddress, signal: AbortSignal) {
    this.#kubo = kubo
    this.#signal = signal
  }

  async putBlocks(blocks: readonly Block[]): Promise<void> {
    await putBlocks(this.#kubo, blocks, this.#signal)
  }

  /** With the folders above it; one that is there stays. */
  async makeFolder(path: string): Promise<void> {
    this.folders.add(path)
    await one(this.#kubo, 'files/mkdir', { arg: path, parents: 'true' }, this.#signal)
    this.#unflushed = true
  }

  /**
   * Give a file or folder a name, unless the name is taken.
   *
   * @param options `parents`: make the folders above it
   * @returns whether the name was free
   * @throws Failure CONTENT_NOT_FOUND when its first block is not stored; see {@link isAbsent} for a missing folder
   */
  async link(cid: CID, path: string, options: { parents?: boolean } = {}): Promise<boolean> {
    this.folders.add(posix.dirname(path))
    const parameters = { arg: [`/ipfs/${cid.toString()}`, path], flush: 'true', offline: 'true' }
    const parents = String(options.parents ?? false)
    for (let tries = TRIES; ; tries -= 1) {
      try {
        await one(this.#kubo, 'files/cp', { ...parameters, parents }, this.#signal)
        break
      } catch (error) {
        const message = isFailure(error) ? error.message : ''
        if (/already has entry by that name/i.test(message)) return false
        if (/cannot get node from path/i.test(message)) {
          throw new Failure('CONTENT_NOT_FOUND', `Kubo does not have ${cid.toString()}`, { cause: error })
        }
        if (MADE.test(message)) break
        if (!FORGOTTEN.test(message)) throw error
        if (tries === 1) {
          throw new Failure('CONTENT_UNAVAILABLE', `Kubo makes no entry ${path}, though it can`, {
            cause: error,
          })
        }
      }
    }
    this.#unflushed = false
    return true
  }

  /** Remove a file or folder with all that is in it. @returns whether it was there */
  async remove(path: string): Promise<boolean> {
    this.folders.add(posix.dirname(path))
    try {
      await one(this.#kubo, 'files/rm', { arg: path, recursive: 'true' }, this.#signal)
      this.#unflushed = true
      return true
    } catch (error) {
      if (isAbsent(error)) return false
      throw error
    }
  }

  /** Have everything written down that is in MFS, also where Kubo has carried it upwards in the wrong order. */
  async settle(): Promise<void> {
    // Each folder takes over what those in it are now.
    await one(this.#kubo, 'files/stat', { arg: '/' }, this.#signal)
    this.#unflushed = true
  }

  /**
   * Kubo writes down what MFS is when any folder is flushed, and forgets what others make meanwhile in that folder and
   * those below it. So an empty one is flushed, which nothing is ever put into.
   */
  async flush(): Promise<void> {
    if (!this.#unflushed) return
    await one(this.#kubo, 'files/mkdir', { arg: NEVER_USED, parents: 'true' }, this.#signal)
    await one(this.#kubo, 'files/flush', { arg: NEVER_USED }, this.#signal)
  }
}

/** `/`, `/a`, `/a/b` for `/a/b`. */
function withParents(paths: Iterable<string>): Set<string> {
  const all = new Set<string>(['/'])
  for (const path of paths) {
    const names = path.split('/').filter((name) => name !== '')
    for (let depth = 1; depth <= names.length; depth++) all.add(`/${names.slice(0, depth).join('/')}`)
  }
  return all
}
