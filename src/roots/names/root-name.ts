import { CID } from 'multiformats/cid'
import { base58btc } from 'multiformats/bases/base58'
import { Failure } from '../../errors.ts'
import { parseTarget } from '../../naming/target.ts'
import type { RootVersion, RootVersions } from '../root-store.ts'
import { isYoung, type PublishedRecord } from './name-publisher.ts'
import type { RootKeys } from './root-keys.ts'

export interface RootNameOptions {
  readonly versions: Pick<RootVersions, 'head' | 'history'>
  readonly keys: RootKeys
  /** ms for which records are valid. */
  readonly lifetime: number
  /** ms for which resolvers may keep them. */
  readonly ttl: number
  readonly now: () => number
}

/** What came of looking whether a name leads to the newest version of its root, and publishing it where it did not. */
export type Round =
  /** There is no version yet, so that there is nothing to publish. */
  | { readonly kind: 'empty' }
  /** The newest version is published. */
  | { readonly kind: 'newest'; readonly record: PublishedRecord; readonly made: boolean }
  /** Others published or pushed meanwhile, so that it is to be looked at again. */
  | { readonly kind: 'overtaken'; readonly record: PublishedRecord | undefined }

/** The name of one root. */
export class RootName {
  readonly #root: string
  readonly #options: RootNameOptions

  constructor(root: string, options: RootNameOptions) {
    this.#root = root
    this.#options = options
  }

  /**
   * Publish the newest version, unless it is published. The record is read before the root: see NamePublisher.
   *
   * @throws Failure of the publisher or of the versions; NAME_UNRESOLVED when the name belongs to something else
   */
  async follow(signal: AbortSignal): Promise<Round> {
    const { keys, lifetime, ttl } = this.#options
    const { publisher } = keys
    const found = await keys.find(this.#root, signal)
    const before = found === undefined ? undefined : await publisher.current(found, signal)
    const head = await this.#head(signal)
    if (head === undefined) return { kind: 'empty' }
    if (before !== undefined && this.#isDone(before, head)) {
      keys.notePublished(this.#root)
      return { kind: 'newest', record: before, made: false }
    }
    const key = found ?? (await keys.findOrMake(this.#root, signal))
    if (before !== undefined) await this.#checkOurs(before, signal)
    const next = { value: valueOf(head), after: before, lifetime, ttl }
    const record = await publisher.publish(key, next, signal)
    if (record === undefined) return { kind: 'overtaken', record: before }
    keys.notePublished(this.#root)
    const after = await publisher.current(key, signal)
    const newest = await this.#head(signal)
    if (newest === undefined || after?.value !== valueOf(newest)) return { kind: 'overtaken', record }
    return { kind: 'newest', record: after, made: true }
  }

  #head(signal: AbortSignal): Promise<RootVersion | undefined> {
    return this.#options.versions.head(this.#root, signal)
  }

  #isDone(record: PublishedRecord, head: RootVersion): boolean {
    const { lifetime, now } = this.#options
    return record.value === valueOf(head) && record.settled && isYoung(record.validUntil, lifetime, now())
  }

  /**
   * A name is never taken away from what this root has never been: from the root of a store that was lost, of which only
   * the key came back, or from something else that the key was used for.
   */
  async #checkOurs({ value }: PublishedRecord, signal: AbortSignal): Promise<void> {
    const { keys, versions } = this.#options
    if (keys.wasPublished(this.#root) || isEmpty(value)) return
    const history = await versions.history(this.#root, signal)
    // Of what came before those that are kept, nobody knows any more.
    if (history.some((version) => valueOf(version) === value) || history.at(-1)?.number !== 1) return
    const name = `the key "${keys.keyName(this.#root)}" (${keys.textOf(this.#root)})`
    throw new Failure(
      'NAME_UNRESOLVED',
      `${name} leads to ${value}, which the root ${this.#root} has never been, so that it is not published over it. Import that into the root, or give the root another key`,
    )
  }
}

function valueOf({ cid }: RootVersion): string {
  return `/ipfs/${cid.toString()}`
}

/** The folder without entries, which a new Kubo publishes under its own key. */
const EMPTY_FOLDER = CID.parse('QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn', base58btc)

function isEmpty(value: string): boolean {
  try {
    const target = parseTarget(value)
    return (
      target.kind === 'ipfs' &&
      target.path.segments.length === 0 &&
      target.path.root.equals(EMPTY_FOLDER.toV1())
    )
  } catch {
    return false
  }
}
