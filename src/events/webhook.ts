import type { Clock } from '../content/clock.ts'
import type { EventRecord } from './envelope.ts'
import type { Interest, Notice } from './notices.ts'
import type { Post, PostResult } from './post.ts'

/** Why an event never reaches its receiver. */
export type Loss = 'refused' | 'expired' | 'dropped'

/** What happens to events, for logs and metrics. */
export interface DeliveryEvents {
  /** @param failures requests in a row that had failed before */
  delivered(count: number, failures: number): void
  /** @param failures in a row; @param wait ms until the next request */
  failed(reason: string, failures: number, wait: number): void
  lost(record: EventRecord, loss: Loss, reason: string): void
  /** Events that have not been delivered yet. */
  waiting(length: number): void
}

export interface WebhookOptions {
  readonly interests: readonly Interest[]
  readonly post: Post
  /** Events in one envelope. */
  readonly batch: number
  /** Events that may wait, besides those being sent. */
  readonly queue: number
  /** ms for which an event is sent again; each is sent once, whatever its age. */
  readonly retryFor: number
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
  readonly events: DeliveryEvents
}

interface Waiting {
  readonly record: EventRecord
  /** ms since the epoch */
  readonly since: number
}

/** ms before the second request; each further wait is twice as long. */
const SHORTEST_WAIT = 1000
const LONGEST_WAIT = 60_000

/**
 * Delivers events to one receiver: in order, one request at a time, again where one fails. Whoever has an event to tell
 * never waits: it is put into a queue, whose oldest event makes room where it is full.
 */
export class Webhook {
  readonly #options: WebhookOptions
  readonly #end = new AbortController()
  /** In the request under way, or to be in the next one. */
  #sending: readonly Waiting[] = []
  #waiting: Waiting[] = []
  /** How many of the next ones are sent by themselves. */
  #alone = 0
  /** In a row. */
  #failures = 0
  #running: Promise<void> | undefined
  #wake: () => void = () => undefined
  #closing = false

  constructor(options: WebhookOptions) {
    this.#options = options
  }

  accept({ record, interests }: Notice): void {
    const { queue, events, clock } = this.#options
    if (!interests.some((one) => this.#options.interests.includes(one))) return
    if (this.#closing) {
      events.lost(record, 'dropped', STOPPING)
      return
    }
    this.#waiting.push({ record, since: clock.now() })
    if (this.#waiting.length > queue) this.#lose(this.#waiting.splice(0, 1), 'dropped', 'too many wait')
    this.#measure()
    this.#running ??= this.#run()
  }

  /** Send what waits, each once and until the signal aborts. Then nothing is sent any more. Never throws. */
  async close(signal: AbortSignal): Promise<void> {
    this.#closing = true
    this.#wake()
    const end = (): void => this.#end.abort(signal.reason)
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
    await this.#running
    signal.removeEventListener('abort', end)
    const left = [...this.#sending, ...this.#waiting]
    this.#sending = this.#waiting = []
    this.#lose(left, 'dropped', STOPPING)
    this.#measure()
  }

  async #run(): Promise<void> {
    // Not on the way of whoever told of the event.
    await Promise.resolve()
    for (let goesOn = true; goesOn && this.#fill(); this.#measure()) {
      const records = this.#sending.map(({ record }) => record)
      goesOn = await this.#settle(await this.#options.post(records, this.#end.signal))
    }
    this.#running = undefined
  }

  /** @returns whether there is something to send */
  #fill(): boolean {
    if (this.#sending.length > 0) return true
    const alone = this.#alone > 0
    this.#alone = Math.max(0, this.#alone - 1)
    this.#sending = this.#waiting.splice(0, alone ? 1 : this.#options.batch)
    return this.#sending.length > 0
  }

  /** @returns whether to go on */
  async #settle(result: PostResult): Promise<boolean> {
    const sent = this.#sending
    if (result.kind === 'failed') return this.#again(result)
    this.#sending = []
    if (result.kind === 'taken') {
      this.#options.events.delivered(sent.length, this.#failures)
    } else if (sent.length > 1) {
      // Only one of them may be what is not wanted.
      this.#waiting.unshift(...sent)
      this.#alone = sent.length
    } else {
      this.#lose(sent, 'refused', result.reason)
    }
    this.#failures = 0
    return true
  }

  /** Keep what is young enough, and wait. @returns whether to go on */
  async #again({ reason, pause = 0 }: PostResult & { kind: 'failed' }): Promise<boolean> {
    if (this.#closing) return false
    const { clock, random, retryFor, events } = this.#options
    this.#failures += 1
    const doubled = Math.min(SHORTEST_WAIT * 2 ** (this.#failures - 1), LONGEST_WAIT)
    const wait = Math.max(Math.round(doubled * (0.5 + random() / 2)), pause)
    events.failed(reason, this.#failures, wait)
    const tooOld = clock.now() + wait - retryFor
    const old = this.#sending.filter(({ since }) => since < tooOld)
    this.#sending = this.#sending.filter(({ since }) => since >= tooOld)
    this.#lose(old, 'expired', reason)
    this.#measure()
    await new Promise<void>((resolve) => {
      const cancel = clock.after(wait, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
    return true
  }

  #lose(events: readonly Waiting[], loss: Loss, reason: string): void {
    for (const { record } of events) this.#options.events.lost(record, loss, reason)
  }

  #measure(): void {
    this.#options.events.waiting(this.#sending.length + this.#waiting.length)
  }
}

const STOPPING = 'the gateway stops'
