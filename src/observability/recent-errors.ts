import { describeEntry, withoutPasswords, type LogEntry } from './log-line.ts'
import { Ring } from './ring.ts'

/** A warning or an error of the log. */
export interface NotedLine {
  /** ms since the epoch. */
  readonly time: number
  readonly level: string
  /** As in the log: without passwords. */
  readonly message: string
}

/** An answer of 500 or above. */
export interface NotedAnswer {
  /** ms since the epoch. */
  readonly time: number
  /** Also in the answer's `X-Request-Id`, and in the log. */
  readonly request: string
  readonly method: string
  /** Without what follows a `?`: that can hold credentials. */
  readonly path: string
  readonly status: number
  /** Code and text of the failure, as far as the client was told. */
  readonly code: string | undefined
  readonly message: string | undefined
}

/** Of each kind. */
const KEPT = 20

/** Characters. */
const MAX_TEXT = 500

/** What went wrong last, for people: a few lines of the log and a few answers, however many there are. */
export class RecentErrors {
  readonly #lines = new Ring<NotedLine>(KEPT)
  readonly #answers = new Ring<NotedAnswer>(KEPT)

  line(entry: LogEntry): void {
    const { time, level } = entry
    this.#lines.add({ time, level, message: cut(describeEntry(entry)) })
  }

  /** Others than those of 500 and above are passed over. */
  answer(answer: NotedAnswer): void {
    if (answer.status < 500) return
    const [path = ''] = answer.path.split('?')
    const message = answer.message === undefined ? undefined : cut(withoutPasswords(answer.message))
    this.#answers.add({ ...answer, path: cut(path), message })
  }

  /** Newest first. */
  lines(): NotedLine[] {
    return this.#lines.entries()
  }

  /** Newest first. */
  answers(): NotedAnswer[] {
    return this.#answers.entries()
  }
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
}
