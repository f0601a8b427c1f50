import { messageOf } from '../errors.ts'
import { withoutPasswords } from './log-line.ts'
import { outcomeOf, type Outcome } from './outcome.ts'
import { Ring } from './ring.ts'

/** How a source, or a host of an upstream, has answered lately. */
export interface SourceRecord {
  /** Of the last {@link LATEST} questions. */
  readonly recent: { readonly questions: number; readonly failures: number }
  /** ms from a question to the first byte, the median of the last {@link LATEST} answers; undefined before the first. */
  readonly firstByte: number | undefined
  readonly lastFailure: SourceFailure | undefined
}

export interface SourceFailure {
  /** ms since the epoch. */
  readonly time: number
  readonly outcome: Outcome
  readonly message: string
}

/** Questions that count as lately. */
const LATEST = 100

/** Characters of a message. */
const MAX_MESSAGE = 500

interface Kept {
  readonly seconds: Ring<number>
  readonly failed: Ring<boolean>
  lastFailure: SourceFailure | undefined
}

/** Remembers how each source answers: a few numbers for each name, of which there are as many as in the settings. */
export class SourceRecords {
  readonly #sources = new Map<string, Kept>()
  readonly #now: () => number

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** @param seconds to the first byte */
  answered(source: string, seconds: number): void {
    this.#of(source).seconds.add(seconds)
  }

  /** A question has ended. That something is not there is an answer, not a failure. */
  ended(source: string, failure: unknown): void {
    const outcome = outcomeOf(failure)
    const failed = outcome !== 'ok' && outcome !== 'not_found'
    const kept = this.#of(source)
    kept.failed.add(failed)
    if (!failed) return
    const message = withoutPasswords(messageOf(failure)).slice(0, MAX_MESSAGE)
    kept.lastFailure = { time: this.#now(), outcome, message }
  }

  record(source: string): SourceRecord {
    const kept = this.#sources.get(source)
    const failed = kept?.failed.entries() ?? []
    const median = medianOf(kept?.seconds.entries() ?? [])
    return {
      recent: { questions: failed.length, failures: failed.filter(Boolean).length },
      firstByte: median === undefined ? undefined : median * 1000,
      lastFailure: kept?.lastFailure,
    }
  }

  #of(source: string): Kept {
    let kept = this.#sources.get(source)
    if (kept === undefined) {
      kept = { seconds: new Ring(LATEST), failed: new Ring(LATEST), lastFailure: undefined }
      this.#sources.set(source, kept)
    }
    return kept
  }
}

function medianOf(numbers: readonly number[]): number | undefined {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle]
  const lower = sorted.length % 2 === 0 ? sorted[middle - 1] : upper
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2
}
