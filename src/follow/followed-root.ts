import { CID } from 'multiformats/cid'
import { below, formatContentPath, type ContentPath, type ContentSource } from '../content/source.ts'
import type { Slots } from '../content/limited.ts'
import { Failure, messageOf } from '../errors.ts'
import type { NameResolver } from '../naming/resolver.ts'
import type { NameTarget } from '../naming/target.ts'
import type { Keeper } from './keeper.ts'
import { cidsOf, fromSaved, toSaved, type KeptVersion, type VersionMemory } from './kept-version.ts'
import { contentsOf, type RootContents } from './root-contents.ts'

export interface FollowedRootOptions {
  /** `/ipfs/<cid>/<path>` or `/ipns/<name>/<path>`, as in the settings. */
  readonly root: string
  readonly target: NameTarget
  /** Whether a repository is to be kept. */
  readonly isWanted: (repository: string) => boolean
  /** Whether all of them are. */
  readonly whole: boolean
  readonly resolver: NameResolver
  readonly content: ContentSource
  readonly keeper: Keeper
  /** Undefined: at the start nothing is known to be kept. */
  readonly memory: VersionMemory | undefined
  /** Places for roots that are fetched at the same time. */
  readonly slots: Slots
  readonly log: (level: 'info' | 'warn', message: string) => void
}

/** How it is with a followed root, for people. */
export interface FollowedRootStatus {
  readonly root: string
  /** What is kept; undefined before the first version is whole. */
  readonly kept:
    { readonly path: string; readonly at: number; readonly repositories: number | undefined } | undefined
  /** What is being fetched. */
  readonly fetching: string | undefined
  /** Why the last try failed. */
  readonly failure: string | undefined
}

/** Where a repository is kept: a layout at a path, or a storage tree that has it or not. */
export type KeptPlace =
  | { readonly kind: 'layout'; readonly path: ContentPath }
  | { readonly kind: 'tree'; readonly base: ContentPath }

/** ms between two looks where the name leads: as its TTL says, but not more often, and not less often. */
const SOONEST = 1_000
const LATEST = 60 * 60 * 1000
/** ms after the first failure; twice as long after each other one, up to a limit. */
const RETRY = 2_000
const LATEST_RETRY = 10 * 60 * 1000
/** Versions that pulls may still go on in. */
const VERSIONS = 3

/**
 * A root of others that is kept here. Where its name leads to another root, all of that is fetched first; then it takes
 * the place of the one before, which is let go.
 */
export class FollowedRoot {
  readonly #options: FollowedRootOptions
  readonly #label: string
  readonly #ending = new AbortController()
  /** Newest first. */
  #versions: readonly KeptVersion[] = []
  #fetching: string | undefined
  #failure: string | undefined
  #running: Promise<void> | undefined

  constructor(options: FollowedRootOptions) {
    this.#options = options
    this.#label = `ipfs-registry-follow-${options.root}`
  }

  get status(): FollowedRootStatus {
    const [newest] = this.#versions
    const repositories = newest?.contents.kind === 'layouts' ? newest.contents.repositories.size : undefined
    return {
      root: this.#options.root,
      kept: newest === undefined ? undefined : { path: newest.path, at: newest.at, repositories },
      fetching: this.#fetching,
      failure: this.#failure,
    }
  }

  /**
   * Where a repository is in each version that is kept, newest first, or undefined where the version does not have it.
   * Undefined as a whole where that tells nothing of what the root has, since it is not kept, or not yet.
   */
  places(repository: string): readonly (KeptPlace | undefined)[] | undefined {
    const [newest] = this.#versions
    const { whole, isWanted } = this.#options
    if (newest === undefined) return undefined
    if (newest.contents.kind === 'layouts' && !whole && !isWanted(repository)) return undefined
    return this.#versions.map(({ contents }) => placeIn(contents, repository))
  }

  /** Take up what an earlier process has kept, and go on following. */
  async start(): Promise<void> {
    const saved = await this.#options.memory?.load()
    if (saved !== undefined) this.#versions = [fromSaved(saved)]
    this.#running = this.#follow()
  }

  async stop(): Promise<void> {
    this.#ending.abort(new Failure('CONTENT_UNAVAILABLE', 'the gateway stops'))
    await this.#running
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ending
    let wait = RETRY
    while (!signal.aborted) {
      let next = LATEST
      try {
        next = await this.#look(signal)
        wait = RETRY
        this.#failure = undefined
      } catch (error) {
        if (signal.aborted) return
        this.#failed(messageOf(error))
        next = wait
        wait = Math.min(2 * wait, LATEST_RETRY)
      } finally {
        this.#fetching = undefined
      }
      await pause(next, signal)
    }
  }

  /** @returns ms until the next look */
  async #look(signal: AbortSignal): Promise<number> {
    const { path, wait } = await this.#resolve(signal)
    await this.#options.slots.during(signal, () => this.#keep(path, formatContentPath(path), signal))
    return wait
  }

  async #resolve(signal: AbortSignal): Promise<{ path: ContentPath; wait: number }> {
    const { target, resolver } = this.#options
    if (target.kind === 'ipfs') return { path: target.path, wait: LATEST }
    const { path, maxAge } = await resolver.resolve(target.name, { signal })
    const wait = Math.min(Math.max(maxAge * 1000, SOONEST), LATEST)
    return { path: below(path, ...target.segments), wait }
  }

  async #keep(path: ContentPath, text: string, signal: AbortSignal): Promise<void> {
    const { content, isWanted, keeper, memory, root, log } = this.#options
    const [newest] = this.#versions
    const contents =
      newest?.path === text ? newest.contents : await contentsOf(path, content, isWanted, signal)
    const wanted = cidsOf(contents)
    if (wanted.length === 0 && newest !== undefined && cidsOf(newest.contents).length > 0) {
      throw new Failure(
        'CONTENT_UNAVAILABLE',
        `${text} has no repository any more; what it had is still kept`,
      )
    }
    const held = await keeper.held(this.#label, signal)
    for (const cid of wanted) {
      if (held.has(cid.toString())) continue
      this.#fetching = text
      await keeper.keep(cid, this.#label, signal)
    }
    if (newest?.path !== text) {
      const version = { path: text, at: Date.now(), contents }
      await memory?.save(toSaved(version))
      this.#versions = [version, ...this.#versions].slice(0, VERSIONS)
      log('info', `${root} is kept as ${text}`)
    }
    await this.#release(wanted, held, signal)
  }

  async #release(wanted: readonly CID[], held: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const needed = new Set(wanted.map(String))
    for (const cid of held) {
      if (!needed.has(cid)) await this.#options.keeper.release(CID.parse(cid), this.#label, signal)
    }
  }

  #failed(message: string): void {
    if (message !== this.#failure) {
      this.#options.log('warn', `${this.#options.root} could not be followed: ${message}`)
    }
    this.#failure = message
  }
}

function placeIn(contents: RootContents, repository: string): KeptPlace | undefined {
  if (contents.kind === 'tree') return { kind: 'tree', base: { root: contents.cid, segments: [] } }
  const cid = contents.repositories.get(repository)
  return cid === undefined ? undefined : { kind: 'layout', path: { root: cid, segments: [] } }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    if (signal.aborted) done()
    else signal.addEventListener('abort', done, { once: true })
  })
}
