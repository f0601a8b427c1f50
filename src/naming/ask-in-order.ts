import { Failure, isFailure, messageOf } from '../errors.ts'
import type { MutableName } from '../reference/name.ts'
import type { NameAnswer, NameLookup } from './resolver.ts'

/** One look-up that ended, for logs and metrics. */
export interface LookupEvent {
  /** Name of the look-up: `kubo`, `gateway:host`, `dns`. */
  readonly lookup: string
  /** The name asked for, as logs write it. */
  readonly name: string
  readonly kind: MutableName['kind']
  /** ms */
  readonly took: number
  /** Undefined when it answered. */
  readonly failure: unknown
}

export interface AskOptions {
  readonly signal: AbortSignal
  readonly fresh: boolean
  /** ms; see NamingSettings. */
  readonly hedgeAfter: number
  /** ms; see NamingSettings. */
  readonly settleFor: number
  /** ms for which an answer from memory waits for those of others. */
  readonly memoryWaits: number
  /** Says what is wrong with an answer; the look-up then counts as failed. */
  readonly judge: (answer: NameAnswer, lookup: NameLookup) => Failure | undefined
  readonly observe?: (event: LookupEvent) => void
}

/**
 * Ask the look-ups that accept the name, in their order. The next one starts when the one before has failed or is
 * slow. An answer without sequence comes from a party that is trusted to know the newest and is taken at once; of
 * IPNS records the one with the highest sequence is taken among those that arrive together. One from memory counts
 * among them, but does not keep anyone from being asked.
 *
 * @throws Failure CONTENT_NOT_FOUND when a look-up that can know says so, NAME_UNRESOLVED when all failed
 */
export async function askInOrder(
  lookups: readonly NameLookup[],
  name: MutableName,
  options: AskOptions,
): Promise<NameAnswer> {
  options.signal.throwIfAborted()
  const able = lookups.filter((lookup) => lookup.accepts(name))
  if (able.length === 0) throw nobodyToAsk(name)
  return new Asking(able, name, options).result
}

class Asking {
  readonly result: Promise<NameAnswer>
  readonly #lookups: readonly NameLookup[]
  readonly #name: MutableName
  readonly #options: AskOptions
  readonly #end = new AbortController()
  readonly #failures: { readonly lookup: string; readonly error: unknown }[] = []
  #resolve: (answer: NameAnswer) => void = () => undefined
  #reject: (error: unknown) => void = () => undefined
  #next = 0
  #running = 0
  #best: NameAnswer | undefined
  /** Whether someone has answered from more than memory. */
  #heard = false
  #timer: NodeJS.Timeout | undefined
  #memoryTimer: NodeJS.Timeout | undefined

  constructor(lookups: readonly NameLookup[], name: MutableName, options: AskOptions) {
    this.#lookups = lookups
    this.#name = name
    this.#options = options
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    options.signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#startNext()
  }

  readonly #onAbort = (): void => {
    this.#finish(() => this.#reject(this.#options.signal.reason))
  }

  #startNext(): void {
    const lookup = this.#lookups[this.#next]
    if (lookup === undefined) return
    this.#next += 1
    this.#running += 1
    this.#arm(this.#options.hedgeAfter, () => this.#startNext())
    void this.#ask(lookup)
  }

  async #ask(lookup: NameLookup): Promise<void> {
    const started = performance.now()
    let failure: unknown
    try {
      const answer = await lookup.lookup(this.#name, { signal: this.#end.signal, fresh: this.#options.fresh })
      failure = this.#options.judge(answer, lookup)
      if (failure === undefined) this.#answered(answer, lookup)
    } catch (error) {
      failure = error
    }
    // A look-up that lost the race was aborted by us: nothing to report.
    if (failure !== undefined && this.#end.signal.aborted) return
    // Nothing was asked of anyone.
    if (failure !== undefined && lookup.fromMemory === true) return this.#failed(lookup.name, failure)
    const took = performance.now() - started
    const { text, kind } = this.#name
    this.#options.observe?.({ lookup: lookup.name, name: text, kind, took, failure })
    if (failure !== undefined) this.#failed(lookup.name, failure)
  }

  #answered(answer: NameAnswer, { fromMemory = false }: NameLookup): void {
    if (this.#end.signal.aborted) return
    this.#running -= 1
    if (answer.sequence === undefined) {
      this.#finish(() => this.#resolve(answer))
      return
    }
    const first = !this.#heard
    if (this.#best === undefined || isNewer(answer, this.#best)) this.#best = answer
    if (fromMemory) {
      this.#memoryTimer = setTimeout(() => this.#settle(), this.#options.memoryWaits)
      this.#goOn()
      return
    }
    this.#heard = true
    if (this.#running === 0) this.#settle()
    else if (first) this.#arm(this.#options.settleFor, () => this.#settle())
  }

  #failed(lookup: string, error: unknown): void {
    this.#running -= 1
    this.#failures.push({ lookup, error })
    if (isFailure(error, 'CONTENT_NOT_FOUND')) this.#finish(() => this.#reject(error))
    else this.#goOn()
  }

  #goOn(): void {
    if (!this.#heard && this.#next < this.#lookups.length) this.#startNext()
    else if (this.#running === 0) this.#settle()
  }

  #settle(): void {
    const best = this.#best
    this.#finish(() => (best === undefined ? this.#reject(this.#allFailed()) : this.#resolve(best)))
  }

  #finish(settle: () => void): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#memoryTimer)
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    settle()
    this.#end.abort(this.#options.signal.reason)
  }

  #arm(ms: number, then: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(then, ms)
  }

  #allFailed(): Failure {
    if (this.#lookups.every(({ fromMemory }) => fromMemory === true)) return nobodyToAsk(this.#name)
    const said = this.#failures.map(({ lookup, error }) => {
      const message = messageOf(error)
      return message.startsWith(lookup) ? message : `${lookup}: ${message}`
    })
    return new Failure(
      'NAME_UNRESOLVED',
      `${this.#name.text} could not be resolved now. ${said.join('; ')}`,
      {
        cause: this.#failures[0]?.error,
      },
    )
  }
}

/** Whether record `a` replaces `b`: the higher sequence, then the longer validity (ipns-record spec). */
export function isNewer(a: NameAnswer, b: NameAnswer): boolean {
  const left = a.sequence ?? 0n
  const right = b.sequence ?? 0n
  return left === right ? (a.validUntil ?? 0) > (b.validUntil ?? 0) : left > right
}

function nobodyToAsk(name: MutableName): Failure {
  return new Failure(
    'NAME_UNRESOLVED',
    name.kind === 'key'
      ? `${name.text} is an IPNS key, and this gateway has no source that resolves those: add a Kubo node or a gateway to its sources, or import a record of it`
      : `${name.text} is a DNSLink name, and this gateway is set not to ask the DNS`,
  )
}
