import { Failure, messageOf } from '../../errors.ts'
import type { Clock } from '../../content/clock.ts'
import type { PublishedRecord } from './name-publisher.ts'
import type { PublishTiming } from './publish-timing.ts'
import type { RootKeys } from './root-keys.ts'
import type { RootName, Round } from './root-name.ts'
import type { RootNameEvents, RootNameState } from './root-name-state.ts'

export interface FollowedRootOptions {
  readonly root: string
  readonly name: Pick<RootName, 'follow'>
  readonly keys: RootKeys
  readonly timing: PublishTiming
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
  readonly events: RootNameEvents
}

/** How often in a row others may be faster before that counts as a failure. */
const OVERTAKEN = 5

/** When the name of one root is looked at, one time after the other. */
export class FollowedRoot {
  readonly #options: FollowedRootOptions
  readonly #end = new AbortController()
  #record: PublishedRecord | undefined
  /** What was last told to have been published, or seen to be. */
  #told: string | undefined
  #at: number | undefined
  #behindSince: number | undefined
  #error: string | undefined
  #next: number | undefined
  #cancel: () => void = () => undefined
  #running: Promise<void> | undefined
  #stopped = false
  /** Whether the root has changed since the last look began. */
  #changed = false
  /** In a row. */
  #failures = 0
  #overtaken = 0

  constructor(options: FollowedRootOptions) {
    this.#options = options
  }

  start(): void {
    this.#behindSince ??= this.#options.clock.now()
    this.#lookIn(0)
  }

  changed(): void {
    const { clock, timing } = this.#options
    this.#changed = true
    this.#behindSince ??= clock.now()
    if (this.#running !== undefined) return
    // The first change of a batch says when it is published; a push that worked shows that trying again soon may do.
    const wait = this.#failures === 0 ? timing.batch : timing.retryMin
    if (this.#next === undefined || this.#next > clock.now() + wait) this.#lookIn(wait)
  }

  state(): RootNameState {
    const { root, keys } = this.#options
    return {
      root,
      keyName: keys.keyName(root),
      key: keys.textOf(root),
      published: this.#record?.value,
      sequence: this.#record?.sequence,
      at: this.#at,
      next: this.#next,
      error: this.#error,
      behindSince: this.#behindSince,
      pending: this.#behindSince !== undefined,
    }
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#stopped = true
    this.#wake()
    const end = (): void => this.#end.abort(signal.reason)
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
    await this.#running
    if (this.#changed && this.#failures === 0 && !signal.aborted) await this.#look()
    signal.removeEventListener('abort', end)
    this.#end.abort()
  }

  #lookIn(ms: number): void {
    if (this.#stopped) return
    const { clock } = this.#options
    this.#wake()
    this.#next = clock.now() + ms
    this.#cancel = clock.after(ms, () => {
      this.#next = undefined
      this.#running = this.#look().finally(() => {
        this.#running = undefined
        // What came in the moment between the end of the look and this.
        if (this.#changed) this.changed()
      })
    })
  }

  #wake(): void {
    this.#cancel()
    this.#next = undefined
  }

  /** Never throws. */
  async #look(): Promise<void> {
    const { clock, timing, keys, root } = this.#options
    this.#changed = false
    const limit = new AbortController()
    const cancel = clock.after(timing.limit, () => limit.abort(tooLate(timing.limit)))
    try {
      const round = await this.#options.name.follow(AbortSignal.any([this.#end.signal, limit.signal]))
      if (round.kind === 'overtaken') {
        this.#record = round.record ?? this.#record
        this.#again(round.record)
      } else {
        this.#settled(round)
      }
    } catch (error) {
      keys.doubt(root)
      this.#failed(error)
    } finally {
      cancel()
    }
  }

  #settled(round: Exclude<Round, { kind: 'overtaken' }>): void {
    const { clock, timing, keys, events, root, random } = this.#options
    this.#failures = 0
    this.#overtaken = 0
    this.#error = undefined
    if (round.kind === 'newest') {
      const again = round.record.value === this.#told
      this.#record = round.record
      this.#told = round.record.value
      this.#at = clock.now()
      if (round.made) events.published?.(root, keys.textOf(root) ?? '', round.record, again)
    }
    if (!this.#changed) this.#behindSince = undefined
    this.#lookIn(this.#changed ? timing.batch : timing.check * (0.75 + random() / 2))
  }

  #again(record: PublishedRecord | undefined): void {
    const { clock, timing, random } = this.#options
    this.#behindSince ??= clock.now()
    this.#overtaken += 1
    if (this.#overtaken > OVERTAKEN) this.#failed(unsteady(record))
    else this.#lookIn(timing.batch * (0.5 + random()))
  }

  #failed(error: unknown): void {
    const { clock, timing, random, events, root } = this.#options
    if (this.#end.signal.aborted) return
    this.#behindSince ??= clock.now()
    this.#failures += 1
    this.#error = messageOf(error)
    const grown = Math.min(timing.retryMin * 2 ** (this.#failures - 1), timing.retryMax)
    const wait = Math.round(grown * (0.75 + random() / 2))
    events.failed?.(root, error, this.#failures, wait)
    this.#lookIn(wait)
  }
}

function tooLate(ms: number): Failure {
  return new Failure('NAME_UNRESOLVED', `the name could not be published within ${ms / 1000} s`)
}

function unsteady(record: PublishedRecord | undefined): Failure {
  const leads = record === undefined ? '' : `: it leads to ${record.value}`
  return new Failure('NAME_UNRESOLVED', `others publish under the same key again and again${leads}`)
}
