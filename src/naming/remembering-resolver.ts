import { LRUCache } from 'lru-cache'
import { Failure, isFailure, messageOf } from '../errors.ts'
import type { MutableName } from '../reference/name.ts'
import { askInOrder, type LookupEvent } from './ask-in-order.ts'
import { followChain } from './follow-chain.ts'
import { confirmed, isAgeing, isFresh, isServable, toResolved, type KnownRoot } from './known-root.ts'
import { KnownRoots } from './known-roots.ts'
import { LookupSlots } from './lookup-slots.ts'
import { NewestRecords } from './newest-records.ts'
import type { NameAnswer, NameLookup, NameResolver, ResolvedName } from './resolver.ts'
import type { RootsMemory } from './roots-memory.ts'
import { NAMING_DEFAULTS, type NamingSettings } from './settings.ts'
import { waitFor } from '../content/wait-for.ts'

export interface RememberingResolverOptions {
  /** In the order in which they are asked. */
  readonly lookups: readonly NameLookup[]
  readonly settings?: Partial<NamingSettings>
  /** Undefined: last known roots are lost at a restart. */
  readonly memory?: RootsMemory
  /** ms since the epoch */
  readonly now?: () => number
  /** Every look-up that ended, for logs and metrics. */
  readonly observe?: (event: LookupEvent) => void
  /** Trouble that no request hears of, such as a root that could not be saved. */
  readonly warn?: (message: string) => void
}

/** A look-up under way, whoever waits for it. */
interface Flight {
  readonly result: Promise<KnownRoot>
  /** By performance.now(). */
  readonly startedAt: number
  readonly limit: AbortController
}

interface RememberedFailure {
  readonly failure: Failure
  /** ms since the epoch */
  readonly until: number
}

/**
 * Resolves mutable names and remembers what they led to. A root is served without asking while its TTL lasts, and
 * refreshed in the background in the last fifth of it. After that a request waits for the refresh a moment, and gets
 * the last known root, marked stale, when the refresh fails or takes longer. One look-up of a name serves everyone who
 * waits for it, and goes on when they leave.
 */
export class RememberingResolver implements NameResolver {
  readonly #lookups: readonly NameLookup[]
  readonly #settings: NamingSettings
  readonly #now: () => number
  readonly #observe: ((event: LookupEvent) => void) | undefined
  readonly #known: KnownRoots
  /** Apart from the known roots, so that names which do not exist push out none that do. */
  readonly #failures: LRUCache<string, RememberedFailure>
  /** When the last forced look-up of a name began, ms since the epoch. */
  readonly #forced: LRUCache<string, number>
  readonly #records: NewestRecords
  readonly #slots: LookupSlots
  readonly #flights = new Map<string, Flight>()
  #closed: Failure | undefined

  constructor(options: RememberingResolverOptions) {
    const settings = { ...NAMING_DEFAULTS, ...options.settings }
    this.#settings = settings
    this.#lookups = options.lookups
    this.#now = options.now ?? Date.now
    this.#observe = options.observe
    this.#failures = new LRUCache({ max: settings.names })
    this.#forced = new LRUCache({ max: settings.names })
    this.#records = new NewestRecords({ keys: settings.names * 2, barsFor: settings.staleFor })
    this.#known = new KnownRoots({
      settings,
      records: this.#records,
      memory: options.memory,
      warn: options.warn ?? (() => undefined),
    })
    this.#slots = new LookupSlots(settings)
  }

  /** Take up the roots that an earlier process knew. Never throws: without them names are merely looked up anew. */
  restore(): Promise<void> {
    return this.#known.restore(this.#now())
  }

  /** A record of this IPNS key was put here, so that whoever asks is to be led by it. */
  learned(key: string): void {
    this.#failures.clear()
    this.#known.outdate(key)
  }

  /** End all look-ups and write what is still to be saved. */
  async close(): Promise<void> {
    this.#closed = new Failure('NAME_UNRESOLVED', 'The gateway is shutting down')
    const flights = [...this.#flights.values()]
    for (const flight of flights) flight.limit.abort(this.#closed)
    await Promise.allSettled(flights.map((flight) => flight.result))
    await this.#known.saved()
  }

  async resolve(
    name: MutableName,
    { signal, fresh = false }: { signal: AbortSignal; fresh?: boolean },
  ): Promise<ResolvedName> {
    signal.throwIfAborted()
    if (this.#closed !== undefined) throw this.#closed
    const now = this.#now()
    const known = this.#known.get(name.text)
    const forced = fresh && this.#mayForce(name, now)

    if (!forced && known !== undefined && isFresh(known, now)) {
      if (isAgeing(known, now) && this.#recentFailure(name, now) === undefined) this.#fly(name, false)
      return toResolved(known, now)
    }
    const failure = forced ? undefined : this.#recentFailure(name, now)
    if (failure !== undefined) return this.#lastKnown(name, failure)

    const flight = this.#fly(name, forced)
    const replaceable = !forced && known !== undefined && isServable(known, now, this.#settings.staleFor)
    const patience = replaceable ? this.#settings.patience : this.#settings.answerWithin
    const left = Math.max(0, flight.startedAt + patience - performance.now())
    let found: KnownRoot | undefined
    try {
      found = await waitFor(flight.result, left, signal)
    } catch (error) {
      if (signal.aborted) throw error
      return this.#lastKnown(name, error)
    }
    if (found === undefined) return this.#lastKnown(name, stillLooking(name))
    // Also when it may not be held for even a moment: it was confirmed for this very request.
    return { ...toResolved(found, this.#now()), staleSince: undefined }
  }

  /** The last known root if it may still be served after `error`, which is thrown otherwise. */
  #lastKnown(name: MutableName, error: unknown): ResolvedName {
    const now = this.#now()
    const known = this.#known.get(name.text)
    if (known === undefined || !isServable(known, now, this.#settings.staleFor)) throw error
    return toResolved(known, now)
  }

  #mayForce(name: MutableName, now: number): boolean {
    const last = this.#forced.get(name.text)
    if (last !== undefined && Math.abs(now - last) < this.#settings.forcedEvery) return false
    this.#forced.set(name.text, now)
    return true
  }

  #recentFailure(name: MutableName, now: number): Failure | undefined {
    const remembered = this.#failures.get(name.text)
    const left = (remembered?.until ?? 0) - now
    // When the clock has been set back, for no longer either.
    return left > 0 && left <= this.#settings.failureFor ? remembered?.failure : undefined
  }

  /** The look-up of this name that is under way, or a new one. */
  #fly(name: MutableName, fresh: boolean): Flight {
    const under = this.#flights.get(name.text)
    if (under !== undefined) return under
    const limit = new AbortController()
    const result = this.#lookUp(name, fresh, limit).finally(() => this.#flights.delete(name.text))
    // Whoever waits hears of a failure; nobody has to.
    result.catch(() => undefined)
    const flight = { result, startedAt: performance.now(), limit }
    this.#flights.set(name.text, flight)
    return flight
  }

  async #lookUp(name: MutableName, fresh: boolean, limit: AbortController): Promise<KnownRoot> {
    const { lookupLimit } = this.#settings
    const { signal } = limit
    const before = this.#known.get(name.text)
    const isServed = before !== undefined && isServable(before, this.#now(), this.#settings.staleFor)
    // With a root to serve meanwhile nobody waits, so that others get time to tell of a newer record.
    const memoryWaits = isServed ? lookupLimit / 2 : this.#settings.patience
    const timer = setTimeout(() => {
      const after = `${name.text} was not resolved within ${lookupLimit / 1000} s`
      limit.abort(new Failure('NAME_UNRESOLVED', after))
    }, lookupLimit)
    try {
      const chain = await this.#slots.run(signal, () =>
        followChain(name, {
          ...this.#settings,
          ask: (step) => this.#ask(step, { fresh, memoryWaits, signal }),
        }),
      )
      const known = confirmed(this.#known.get(name.text), chain, this.#now(), this.#settings)
      this.#known.set(name.text, known)
      this.#failures.delete(name.text)
      return known
    } catch (error) {
      throw this.#remembered(name, error)
    } finally {
      clearTimeout(timer)
    }
  }

  #remembered(name: MutableName, error: unknown): Failure {
    const failure = isFailure(error)
      ? error
      : new Failure('NAME_UNRESOLVED', `${name.text} could not be resolved: ${messageOf(error)}`, {
          cause: error,
        })
    if (failure.code === 'OVERLOADED' || this.#closed !== undefined) return failure
    this.#failures.set(name.text, { failure, until: this.#now() + this.#settings.failureFor })
    const known = this.#known.get(name.text)
    if (failure.code === 'CONTENT_NOT_FOUND' && known !== undefined) {
      this.#known.set(name.text, { ...known, gone: true })
    }
    return failure
  }

  /** One step. */
  async #ask(
    name: MutableName,
    options: { fresh: boolean; memoryWaits: number; signal: AbortSignal },
  ): Promise<NameAnswer> {
    let outdated = false
    try {
      const answer = await askInOrder(this.#lookups, name, {
        ...this.#settings,
        ...options,
        judge: (given, lookup) => {
          const failure = this.#records.judge(name.text, given, lookup.name, this.#now())
          outdated ||= failure !== undefined
          return failure
        },
        ...(this.#observe && { observe: this.#observe }),
      })
      this.#records.note(name.text, answer, this.#now())
      return answer
    } catch (error) {
      // Who has only older records confirms none, but refutes none either: the newest stands while it is valid.
      const standing = outdated ? this.#records.standing(name.text, this.#now()) : undefined
      if (standing === undefined) throw error
      return standing
    }
  }
}

function stillLooking(name: MutableName): Failure {
  return new Failure(
    'NAME_UNRESOLVED',
    `${name.text} is still being resolved; the look-up goes on, so try again in a moment`,
  )
}
