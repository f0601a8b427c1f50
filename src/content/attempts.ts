import { isFailure } from '../errors.ts'
import { hedged } from './hedged.ts'
import { SourceHealth } from './source-health.ts'

/** Somewhere to ask: a content source, or a host of a registry. */
export interface Candidate {
  /** Goes into logs and metrics. */
  readonly name: string
}

export interface SourceEvents {
  /** A request to a source has been answered, or has failed. */
  ended(source: string, failure: unknown): void
  /** Surrounds a question to a source, up to its first answer; its promise is that of the question. */
  asking?<T>(source: string, signal: AbortSignal, ask: () => Promise<T>): Promise<T>
  /** A request was given up: its client has left, or another source was faster. */
  cancelled(source: string): void
  /** Seconds from asking a source to its first answer. */
  answered(source: string, seconds: number): void
  received(source: string, bytes: number): void
  /** A source sent wrong bytes. */
  discredited(source: string, reason: string): void
  /** A body goes on at another source. */
  continued(from: string, to: string, position: number, reason: string): void
}

export interface AttemptsOptions {
  /** ms after which the next candidate is asked as well. */
  readonly hedgeDelay: number
  /** Whether a failure is an answer for all: nobody else is asked then. */
  readonly settles: (error: unknown) => boolean
  readonly events?: SourceEvents | undefined
}

export interface Attempt<C extends Candidate, T> {
  readonly signal: AbortSignal
  readonly ask: (candidate: C, signal: AbortSignal) => Promise<T>
  /** What to throw when all have failed. */
  readonly conclude: (failures: readonly (readonly [C, unknown])[]) => unknown
  /** Asked behind all others. */
  readonly last?: C
  /** Asked as those that lately sent wrong bytes are. */
  readonly reserve?: C | undefined
}

export interface Won<C, T> {
  readonly candidate: C
  readonly value: T
}

/**
 * Several candidates for the same. They are asked in the order given; the next one is asked when one fails, or as well when
 * one is slow. The first answer wins. Those that lately sent wrong bytes, which may be the fastest, are asked when the others have
 * failed, or are very slow.
 */
export class Attempts<C extends Candidate> {
  readonly events: SourceEvents | undefined
  private readonly candidates: readonly C[]
  private readonly options: AttemptsOptions
  private readonly health = new SourceHealth<C>()

  constructor(candidates: readonly C[], options: AttemptsOptions) {
    this.candidates = candidates
    this.options = options
    this.events = options.events
  }

  async first<T>({ signal, ask, conclude, last, reserve }: Attempt<C, T>): Promise<Won<C, T>> {
    const order = this.health.order(this.candidates).filter((one) => one !== last)
    const queue = last === undefined ? order : [...order, last]
    const isDoubtful = (one: C): boolean => one === reserve || this.health.isSuspect(one)
    const failures: [C, unknown][] = []
    return hedged(
      queue.filter((one) => !isDoubtful(one)),
      {
        signal,
        delay: this.options.hedgeDelay,
        reserve: queue.filter(isDoubtful),
        ask: (candidate, own) => this.timed(candidate, own, ask),
        onFailure: (error, candidate) => {
          this.note(candidate, error)
          failures.push([candidate, error])
          return this.options.settles(error)
        },
        exhausted: () => conclude(failures),
      },
    )
  }

  /** Whether a failure in the middle of a body ends it for good. */
  settles(error: unknown): boolean {
    return this.options.settles(error)
  }

  note(candidate: C, error: unknown): void {
    if (!isFailure(error, 'CONTENT_INVALID')) return
    this.discredit(candidate, error.message)
  }

  discredit(candidate: C, reason: string): void {
    this.health.discredit(candidate)
    this.events?.discredited(candidate.name, reason)
  }

  private async timed<T>(candidate: C, signal: AbortSignal, ask: Attempt<C, T>['ask']): Promise<T> {
    const { events } = this
    const start = performance.now()
    try {
      const question = (): Promise<T> => ask(candidate, signal)
      const value = await (events?.asking?.(candidate.name, signal, question) ?? question())
      events?.answered(candidate.name, (performance.now() - start) / 1000)
      events?.ended(candidate.name, undefined)
      return value
    } catch (error) {
      if (signal.aborted) events?.cancelled(candidate.name)
      else events?.ended(candidate.name, error)
      throw error
    }
  }
}
