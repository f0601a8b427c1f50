/** ms that a source comes last after its first wrong bytes; doubled for each further time. */
const FIRST_PENALTY = 60_000
const LONGEST_PENALTY = 3_600_000

/** Which sources lately sent wrong bytes. They are not shut out, they come last. */
export class SourceHealth<C extends object> {
  private readonly penalties = new Map<C, { until: number; length: number }>()
  private readonly now: () => number

  constructor(now: () => number = Date.now) {
    this.now = now
  }

  discredit(source: C): void {
    const now = this.now()
    const before = this.penalties.get(source)
    // Several answers under way at once may all turn out wrong: that is one offence.
    if (before !== undefined && before.until - before.length > now - 1000) return
    const length = before === undefined ? FIRST_PENALTY : Math.min(before.length * 2, LONGEST_PENALTY)
    this.penalties.set(source, { until: now + length, length })
  }

  /** In the order given, discredited ones last. */
  order(sources: readonly C[]): C[] {
    const now = this.now()
    const bad = (source: C): boolean => (this.penalties.get(source)?.until ?? 0) > now
    return [...sources.filter((source) => !bad(source)), ...sources.filter(bad)]
  }
}
