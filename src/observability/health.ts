/** What readiness depends on. */
export interface HealthChecks {
  /** Whether the store can be used; always so without one. */
  storeReady(): boolean
  readonly sources: readonly {
    readonly name: string
    /** Whether it answers at all. Never throws. */
    healthy(signal: AbortSignal): Promise<boolean>
  }[]
  /** Told of each answer of a source, for metrics. */
  onSource?(name: string, healthy: boolean): void
}

export interface HealthOptions {
  /** ms between two rounds of checks. */
  readonly interval?: number
  /** ms that a source has to answer. */
  readonly timeout?: number
  /** Rounds without any healthy source until the gateway is not ready: one lost packet should not empty an ingress. */
  readonly failuresAllowed?: number
}

export interface Readiness {
  readonly ready: boolean
  /** Why not. */
  readonly reasons: readonly string[]
  /** As of the last round. */
  readonly sources: Readonly<Record<string, boolean>>
}

const DEFAULTS = { interval: 5000, timeout: 4000, failuresAllowed: 3 }

/**
 * Whether the gateway should get requests: its store is open, at least one source answers, and it is not shutting
 * down. Sources are asked in the background, so that a probe is answered at once however slow they are.
 */
export class Health {
  private readonly checks: HealthChecks
  private readonly options: Required<HealthOptions>
  private readonly sources: Record<string, boolean> = {}
  /** Rounds since a source answered; at first as if none ever had. */
  private silentRounds: number
  private draining = false
  private timer: NodeJS.Timeout | undefined
  private readonly stopped = new AbortController()

  constructor(checks: HealthChecks, options: HealthOptions = {}) {
    this.checks = checks
    this.options = { ...DEFAULTS, ...options }
    this.silentRounds = this.options.failuresAllowed
  }

  /** Check now, and then again and again until {@link stop}. Resolves after the first round. */
  async start(): Promise<void> {
    await this.check()
    if (this.stopped.signal.aborted) return
    this.timer = setTimeout(() => void this.start(), this.options.interval)
    this.timer.unref()
  }

  stop(): void {
    clearTimeout(this.timer)
    this.stopped.abort()
  }

  /** Not ready from now on: the gateway finishes what it has and takes nothing new. */
  drain(): void {
    this.draining = true
  }

  /** One round: every source is asked once. */
  async check(): Promise<void> {
    const signal = AbortSignal.any([this.stopped.signal, AbortSignal.timeout(this.options.timeout)])
    const answers = await Promise.all(this.checks.sources.map((source) => this.ask(source, signal)))
    if (this.stopped.signal.aborted) return
    this.silentRounds = answers.includes(true) ? 0 : this.silentRounds + 1
  }

  readiness(): Readiness {
    const reasons: string[] = []
    if (this.draining) reasons.push('shutting down')
    if (!this.checks.storeReady()) reasons.push('the store is not open')
    if (this.silentRounds >= this.options.failuresAllowed) reasons.push('no source answers')
    return { ready: reasons.length === 0, reasons, sources: { ...this.sources } }
  }

  private async ask(source: HealthChecks['sources'][number], signal: AbortSignal): Promise<boolean> {
    const healthy = await orFalse(source.healthy(signal), signal)
    this.sources[source.name] = healthy
    this.checks.onSource?.(source.name, healthy)
    return healthy
  }
}

/** A check that does not heed its signal must not hold up the round. */
async function orFalse(answer: Promise<boolean>, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const give = (): void => resolve(false)
    if (signal.aborted) give()
    signal.addEventListener('abort', give, { once: true })
    answer.then(resolve, give).finally(() => signal.removeEventListener('abort', give))
  })
}
