import { CID } from 'multiformats/cid'
import { Turns } from '../../cache/turns.ts'
import { storing } from '../../content/embedded/incoming-file.ts'
import { Failure, messageOf } from '../../errors.ts'
import type { NextVersion, RootVersion, RootVersions } from '../root-store.ts'
import type { KeptContent } from './kept-content.ts'
import { neededFiles } from './needed-files.ts'

interface VersionRecord {
  readonly cid: string
  /** ms since the epoch */
  readonly at: number
}

export interface EmbeddedVersionsOptions {
  readonly kept: KeptContent
  /** How many of a root are kept. */
  readonly history: number
  /** ms since the epoch */
  readonly now: () => number
}

/** Digits of a number in a key, so that keys sort as numbers do. */
const DIGITS = 16

export class EmbeddedVersions implements RootVersions {
  /** Name of the root, NUL, number. */
  readonly #records
  /** Commits to one root. */
  readonly #turns = new Turns<string>()
  readonly #kept: KeptContent
  readonly #history: number
  readonly #now: () => number

  constructor({ kept, history, now }: EmbeddedVersionsOptions) {
    this.#kept = kept
    this.#history = history
    this.#now = now
    this.#records = kept.metadata.sublevel<string, VersionRecord>('root-version', { valueEncoding: 'json' })
  }

  async head(root: string, signal: AbortSignal): Promise<RootVersion | undefined> {
    const [newest] = await this.#newest(root, 1, signal)
    return newest
  }

  history(root: string, signal: AbortSignal): Promise<readonly RootVersion[]> {
    return this.#newest(root, this.#history, signal)
  }

  commit(
    root: string,
    base: RootVersion | undefined,
    next: NextVersion,
    signal: AbortSignal,
  ): Promise<RootVersion | undefined> {
    return this.#turns.take(root, () =>
      this.#kept.changes.shared(signal, async () => {
        const head = await this.head(root, signal)
        if (head?.number !== base?.number || head?.cid.toString() !== base?.cid.toString()) return undefined
        return this.#write(root, head, next, signal)
      }),
    )
  }

  /** The folder of every version of every root. */
  async *all(): AsyncGenerator<CID, void, undefined> {
    for await (const { cid } of this.#records.values()) yield CID.parse(cid)
  }

  /** As {@link all}, without those that {@link dropOld} would drop. */
  async *inHistory(signal: AbortSignal): AsyncGenerator<CID, void, undefined> {
    for (const root of await this.roots(signal)) {
      for (const { cid } of await this.history(root, signal)) yield cid
    }
  }

  /** Names of the roots that have versions. */
  async roots(signal: AbortSignal): Promise<readonly string[]> {
    signal.throwIfAborted()
    const keys = await storing(() => this.#records.keys().all())
    return [...new Set(keys.map((key) => key.slice(0, key.indexOf('\0'))))]
  }

  /** Drop versions that are older than the history, as they are where it was longer before. */
  async dropOld(signal: AbortSignal): Promise<void> {
    for (const root of await this.roots(signal)) {
      await this.#turns.take(root, async () => {
        const head = await this.head(root, signal)
        const batch = this.#kept.metadata.batch()
        for await (const key of this.#oldKeys(root, head?.number ?? 0)) {
          batch.del(key, { sublevel: this.#records })
        }
        await storing(() => batch.write({ sync: true }))
      })
    }
  }

  /** Of versions that are older than the history which ends with this one. */
  #oldKeys(root: string, newest: number): AsyncIterable<string> {
    return this.#records.keys({ gte: keyOf(root, 0), lte: keyOf(root, Math.max(0, newest - this.#history)) })
  }

  async #write(
    root: string,
    head: RootVersion | undefined,
    next: NextVersion,
    signal: AbortSignal,
  ): Promise<RootVersion> {
    const { blobs, table, metadata } = this.#kept
    const needed = await neededFiles(this.#kept, head?.cid, next, signal)
    const holds = [...needed].map((digest) => blobs.hold(digest))
    const version = { number: (head?.number ?? 0) + 1, cid: next.cid, at: this.#now() }
    try {
      await storing(async () => {
        await blobs.publish(needed)
        const batch = metadata.batch()
        table.addBlocks(batch, next.blocks)
        const record = { cid: version.cid.toString(), at: version.at }
        batch.put(keyOf(root, version.number), record, { sublevel: this.#records })
        for await (const key of this.#oldKeys(root, version.number)) {
          batch.del(key, { sublevel: this.#records })
        }
        // Every record before it, of blobs too, is on the disk with this one.
        await batch.write({ sync: true })
      })
    } finally {
      for (const end of holds) end()
    }
    await this.#kept.kept(next.cid)
    return version
  }

  async #newest(root: string, limit: number, signal: AbortSignal): Promise<RootVersion[]> {
    signal.throwIfAborted()
    try {
      const range = { gte: keyOf(root, 0), lte: `${root}\0${'9'.repeat(DIGITS)}`, reverse: true, limit }
      const entries = await this.#records.iterator(range).all()
      return entries.map(([key, { cid, at }]) => ({
        number: Number(key.slice(root.length + 1)),
        cid: CID.parse(cid),
        at,
      }))
    } catch (error) {
      const message =
        `the versions of the root ${root} can't be read from the store: ${messageOf(error)}. ` +
        `Nothing is written to it. Restart the gateway; if that does not help, restore the store's folder from a backup`
      throw new Failure('ROOT_UNREADABLE', message, { cause: error })
    }
  }
}

function keyOf(root: string, number: number): string {
  return `${root}\0${String(number).padStart(DIGITS, '0')}`
}
