/** ms that a source comes last after its first wrong bytes; doubled for each further time. */
const FIRST_PENALTY = 60_000
const LONGEST_PENALTY = 3_600_000

interface Penalty {
  /** ms since the epoch. */
  readonly until: number
  /** ms */
  readonly length: number
}

/** Which sources lately sent wrong bytes. They are not shut out, they come last. */
export class SourceHealth<C extends object> {
  /** In the order of their latest offences. */
  private readonly penalties = new Map<C, Penalty>()
  private readonly now: () => number

  constructor(now: () => number = Date.now) {
    this.now = now
  }

  discredit(source: C): void {
    const now = this.now()
    const before = this.penalties.get(source)
    this.penalties.delete(source)
    this.penalties.set(source, penaltyAfter(before, now))
  }

  isSuspect(source: C): boolean {
    const penalty = this.penalties.get(source)
    return penalty !== undefined && lasts(penalty, this.now())
  }

  /** In the order given, discredited ones last, of those the latest offender last: another may be well again. */
  order(sources: readonly C[]): C[] {
    const now = this.now()
    const bad = [...this.penalties].filter(([, one]) => lasts(one, now)).map(([source]) => source)
    return [
      ...sources.filter((source) => !bad.includes(source)),
      ...bad.filter((source) => sources.includes(source)),
    ]
  }
}

/** For no longer than it may, also when the clock has been set back. */
function lasts({ until, length }: Penalty, now: number): boolean {
  return until > now && until - now <= length
}

function penaltyAfter(before: Penalty | undefined, now: number): Penalty {
  if (before === undefined) return { until: now + FIRST_PENALTY, length: FIRST_PENALTY }
  // Several answers under way at once may all turn out wrong: that is one offence.
  if (before.until - before.length > now - 1000) return before
  const length = Math.min(before.length * 2, LONGEST_PENALTY)
  return { until: now + length, length }
}
