import { Flights } from '../../cache/flights.ts'
import { Failure, isFailure, type ErrorCode } from '../../errors.ts'

export interface FreshnessOptions {
  /** ms for which an answer is taken as it was. */
  readonly ttl: number
  /** ms after which an older answer is not given even when there is no newer one; 0 for never giving one. */
  readonly stale: number
  /** ms that asking goes on after everyone's time was up. */
  readonly lingerMs: number
  readonly now: () => number
}

/** An answer, and when it was had. */
export interface Checked<T> {
  readonly value: T
  /** ms since 1970. */
  readonly checked: number
}

export interface Wanted<T> {
  /** Of the question. */
  readonly key: string
  /** What the answer was before, where that still is of use. */
  readonly before: Checked<T> | undefined
  readonly ask: (signal: AbortSignal) => Promise<T>
  readonly signal: AbortSignal
}

export interface Refreshed<T> {
  readonly value: T
  /** Set when it could not be refreshed: when it was had (ms since 1970), and why there is no newer one. */
  readonly stale: { readonly since: number; readonly reason: string } | undefined
}

/** ms that a newer answer is waited for when an older one is at hand. */
const PATIENCE = 3_000
/** ms for which an upstream that could not be had is not waited for again, when an older answer is at hand. */
const REST = 5_000

/** Failures that say nothing about what was asked for: it could not be had now, or what came was wrong. */
const PASSING: readonly ErrorCode[] = [
  'CONTENT_UNAVAILABLE',
  'CONTENT_TIMEOUT',
  'CONTENT_INVALID',
  'CONTENT_TOO_LARGE',
  'UPSTREAM_LIMITED',
  'OVERLOADED',
]

/** Those of them that are likely to meet the next question too. */
const OF_ALL: readonly ErrorCode[] = ['CONTENT_UNAVAILABLE', 'CONTENT_TIMEOUT', 'UPSTREAM_LIMITED']

/**
 * Answers of one upstream that change, each asked for again when it is too old, once for all who want it; when that
 * fails, the older one is given (stale-if-error, RFC 5861).
 */
export class Freshness {
  private readonly options: FreshnessOptions
  private readonly flights: Flights<unknown>
  private restUntil = 0

  constructor(options: FreshnessOptions) {
    this.options = options
    this.flights = new Flights<unknown>(options.lingerMs)
  }

  /** @throws what asking throws, when there is no older answer or the failure is one itself; the signal's reason */
  async get<T>(wanted: Wanted<T>): Promise<Refreshed<T>> {
    const { before } = wanted
    const { now, ttl, stale } = this.options
    const age = before === undefined ? Infinity : now() - before.checked
    // What is of a time to come is of a clock that was wrong.
    if (before !== undefined && age >= 0 && age < ttl) return { value: before.value, stale: undefined }
    const older = age < stale ? before : undefined
    if (older !== undefined && this.rests()) return staleOf(older, 'it failed a moment ago')
    try {
      const value = await this.ask(wanted, older === undefined ? undefined : PATIENCE)
      this.restUntil = 0
      return { value, stale: undefined }
    } catch (error) {
      if (older === undefined || !isFailure(error, ...PASSING) || hasLeft(wanted.signal)) throw error
      if (isFailure(error, ...OF_ALL)) this.restUntil = now() + REST
      return staleOf(older, error.message)
    }
  }

  /** For no longer than it may last, whatever becomes of the clock. */
  private rests(): boolean {
    const left = this.restUntil - this.options.now()
    return left > 0 && left <= REST
  }

  private async ask<T>({ key, ask, signal }: Wanted<T>, patience: number | undefined): Promise<T> {
    if (patience === undefined) return (await this.flights.join(key, signal, ask)) as T
    const late = new AbortController()
    const timer = setTimeout(
      () => late.abort(new Failure('CONTENT_TIMEOUT', `no answer within ${patience / 1000} s`)),
      patience,
    )
    try {
      return (await this.flights.join(key, AbortSignal.any([signal, late.signal]), ask)) as T
    } finally {
      clearTimeout(timer)
    }
  }
}

function staleOf<T>({ value, checked }: Checked<T>, reason: string): Refreshed<T> {
  return { value, stale: { since: checked, reason } }
}

/** A client whose time is up still takes an answer that is here at once. */
function hasLeft(signal: AbortSignal): boolean {
  return signal.aborted && !isFailure(signal.reason, 'CONTENT_TIMEOUT')
}
