import { Failure, isFailure, messageOf } from '../errors.ts'
import { closableBody, endBody } from './closable-body.ts'
import { hedged } from './hedged.ts'
import { formatContentPath } from './source.ts'
import type { ByteRange, ContentPath, ContentSource, OpenedFile } from './source.ts'
import { SourceHealth } from './source-health.ts'

export interface SourceEvents {
  /** A request to a source has been answered, or has failed. */
  ended(source: string, failure: unknown): void
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

export interface FailoverOptions {
  /** ms after which the next source is asked as well. */
  readonly hedgeDelay: number
  readonly events?: SourceEvents
  /** Ends the message when no source has the content: what the operator could try. */
  readonly hint?: string
}

/** How often one body may go on elsewhere. */
const CONTINUATIONS = 8

/**
 * Several sources as one. They are asked in the order given, those that lately sent wrong bytes last; the next one
 * is asked when one fails, or as well when one is slow. The first answer wins. "Not there" is final, since sources
 * say it only when they can know. A body that breaks goes on at the next source from the same byte.
 */
export function failover(sources: readonly ContentSource[], options: FailoverOptions): ContentSource {
  const health = new SourceHealth()
  const attempts = new Attempts(sources, health, options)
  return {
    name: 'sources',
    proof: sources.every(({ proof }) => proof === 'blocks') ? 'blocks' : 'none',
    async stat(path, { signal }) {
      const { value } = await attempts.first(path, signal, (source, own) =>
        source.stat(path, { signal: own }),
      )
      return value
    },
    async list(path, { limit, signal }) {
      const { value } = await attempts.first(path, signal, (source, own) =>
        source.list(path, { limit, signal: own }),
      )
      return value
    },
    async open(path, { range, signal }) {
      const open = (source: ContentSource, own: AbortSignal): Promise<OpenedFile> =>
        source.open(path, { signal: own, ...(range === undefined ? {} : { range }) })
      const won = await attempts.first(path, signal, open)
      return new ContinuedFile(path, range, signal, won, attempts, options.events)
    },
    async healthy(signal) {
      const states = await Promise.all(sources.map((source) => source.healthy(signal)))
      return states.includes(true)
    },
  }
}

interface Won<T> {
  readonly source: ContentSource
  readonly value: T
}

class Attempts {
  private readonly sources: readonly ContentSource[]
  readonly health: SourceHealth
  private readonly options: FailoverOptions

  constructor(sources: readonly ContentSource[], health: SourceHealth, options: FailoverOptions) {
    this.sources = sources
    this.health = health
    this.options = options
  }

  /** The first answer of any source. `last` is asked only when all others have failed. */
  async first<T>(
    path: ContentPath,
    signal: AbortSignal,
    ask: (source: ContentSource, signal: AbortSignal) => Promise<T>,
    last?: ContentSource,
  ): Promise<Won<T>> {
    const order = this.health.order(this.sources)
    const queue = last === undefined ? order : [...order.filter((source) => source !== last), last]
    const failures: [ContentSource, unknown][] = []
    const { candidate, value } = await hedged(queue, {
      signal,
      delay: this.options.hedgeDelay,
      ask: (source, own) => this.timed(source, own, ask),
      onFailure: (error, source) => {
        this.note(source, error)
        failures.push([source, error])
        return isFailure(error, 'CONTENT_NOT_FOUND', 'CONTENT_TOO_LARGE')
      },
      exhausted: () => this.summary(path, failures),
    })
    return { source: candidate, value }
  }

  note(source: ContentSource, error: unknown): void {
    if (!isFailure(error, 'CONTENT_INVALID')) return
    this.discredit(source, error.message)
  }

  discredit(source: ContentSource, reason: string): void {
    this.health.discredit(source)
    this.options.events?.discredited(source.name, reason)
  }

  private async timed<T>(
    source: ContentSource,
    signal: AbortSignal,
    ask: (source: ContentSource, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { events } = this.options
    const start = performance.now()
    try {
      const value = await ask(source, signal)
      events?.answered(source.name, (performance.now() - start) / 1000)
      events?.ended(source.name, undefined)
      return value
    } catch (error) {
      if (signal.aborted) events?.cancelled(source.name)
      else events?.ended(source.name, error)
      throw error
    }
  }

  private summary(path: ContentPath, failures: [ContentSource, unknown][]): Failure {
    const said = failures.map(([source, error]) => `${source.name}: ${messageOf(error)}`).join('; ')
    const only = failures.map(([, error]) => error)
    const every = (code: 'CONTENT_INVALID' | 'OVERLOADED'): boolean =>
      only.length > 0 && only.every((error) => isFailure(error, code))
    const hint = this.options.hint === undefined ? '' : `. ${this.options.hint}`
    const what = formatContentPath(path)
    const detail = { path: what, sources: failures.map(([source]) => source.name) }
    if (every('OVERLOADED')) return new Failure('OVERLOADED', said, { detail })
    if (every('CONTENT_INVALID')) {
      return new Failure('CONTENT_INVALID', `no source gave right bytes for ${what}: ${said}`, { detail })
    }
    const late = only.some((error) => isFailure(error, 'CONTENT_TIMEOUT'))
    const code = late ? 'CONTENT_TIMEOUT' : 'CONTENT_UNAVAILABLE'
    return new Failure(code, `no source could give ${what}: ${said || 'none is configured'}${hint}`, {
      detail,
    })
  }
}

/** An open file that survives the failure of its source. */
class ContinuedFile implements OpenedFile {
  readonly size: number
  readonly cid
  readonly body: AsyncIterable<Uint8Array>
  private current: Won<OpenedFile>
  /** Whose bytes were taken without proof. */
  private readonly believed = new Map<OpenedFile, ContentSource>()
  private readonly attempts: Attempts

  constructor(
    path: ContentPath,
    range: ByteRange | undefined,
    signal: AbortSignal,
    won: Won<OpenedFile>,
    attempts: Attempts,
    events: SourceEvents | undefined,
  ) {
    this.current = won
    this.believe(won)
    this.size = won.value.size
    this.cid = won.value.cid
    this.attempts = attempts
    this.body = closableBody(
      this.read(path, range, signal, events),
      () => void endBody(this.current.value.body),
    )
  }

  /** Of bytes from several sources, all have to be proved. */
  get proof(): 'blocks' | 'none' {
    return this.believed.size === 0 ? 'blocks' : 'none'
  }

  get source(): string {
    return this.current.value.source
  }

  discredit(reason: string): void {
    for (const file of this.believed.keys()) file.discredit(reason)
    for (const source of new Set(this.believed.values())) this.attempts.discredit(source, reason)
  }

  private async *read(
    path: ContentPath,
    range: ByteRange | undefined,
    signal: AbortSignal,
    events: SourceEvents | undefined,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let position = range?.start ?? 0
    const end = Math.min(range?.end ?? this.size, this.size)
    for (let left = CONTINUATIONS; ; left -= 1) {
      const { source, value: file } = this.current
      const before = position
      try {
        for await (const piece of file.body) {
          position += piece.length
          events?.received(source.name, piece.length)
          yield piece
        }
        if (position >= end) return
        throw new Failure('CONTENT_UNAVAILABLE', `the answer ended at byte ${position} of ${end}`)
      } catch (error) {
        if (signal.aborted || left === 0 || isFailure(error, 'CONTENT_NOT_FOUND', 'CONTENT_TOO_LARGE'))
          throw error
        this.attempts.note(source, error)
        await this.moveOn(
          path,
          { start: position, end },
          signal,
          position > before ? source : undefined,
          source,
          error,
        )
        events?.continued(source.name, this.current.source.name, position, messageOf(error))
      }
    }
  }

  /** Open the rest elsewhere; at the source that broke only when nobody else has it and it got somewhere before. */
  private async moveOn(
    path: ContentPath,
    range: ByteRange,
    signal: AbortSignal,
    again: ContentSource | undefined,
    broken: ContentSource,
    reason: unknown,
  ): Promise<void> {
    const won = await this.attempts.first(
      path,
      signal,
      async (source, own) => {
        if (source === broken && again === undefined) throw reason
        const file = await source.open(path, { range, signal: own })
        if (file.size === this.size) return file
        await endBody(file.body)
        throw new Failure('CONTENT_INVALID', `it has ${file.size} bytes for a file of ${this.size}`)
      },
      broken,
    )
    this.believe(won)
    this.current = won
  }

  private believe({ source, value }: Won<OpenedFile>): void {
    if (value.proof === 'none') this.believed.set(value, source)
  }
}
