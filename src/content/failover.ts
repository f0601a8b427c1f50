import { Failure, isFailure, messageOf } from '../errors.ts'
import { Attempts, type Attempt, type SourceEvents } from './attempts.ts'
import { openContinued } from './continued-file.ts'
import { formatContentPath } from './source.ts'
import type { ContentPath, ContentSource } from './source.ts'

export interface FailoverOptions {
  /** ms after which the next source is asked as well. */
  readonly hedgeDelay: number
  readonly events?: SourceEvents
  /** Ends the message when no source has the content: what the operator could try. */
  readonly hint?: string
}

/**
 * Several sources as one. "Not there" is final, since sources say it only when they can know. A body that breaks goes
 * on at the next source from the same byte.
 */
export function failover(sources: readonly ContentSource[], options: FailoverOptions): ContentSource {
  const { hedgeDelay, events, hint } = options
  const settles = (error: unknown): boolean => isFailure(error, 'CONTENT_NOT_FOUND', 'CONTENT_TOO_LARGE')
  const attempts = new Attempts(sources, { hedgeDelay, settles, events })
  const first = async <T>(
    path: ContentPath,
    signal: AbortSignal,
    ask: Attempt<ContentSource, T>['ask'],
  ): Promise<T> =>
    (await attempts.first({ signal, ask, conclude: (failures) => summary(path, failures, hint) })).value
  return {
    name: 'sources',
    proof: sources.every(({ proof }) => proof === 'blocks') ? 'blocks' : 'none',
    stat: (path, { signal }) => first(path, signal, (source, own) => source.stat(path, { signal: own })),
    list: (path, { limit, signal }) =>
      first(path, signal, (source, own) => source.list(path, { limit, signal: own })),
    open: (path, { range, signal }) =>
      openContinued({
        attempts,
        open: (source, wanted, own) =>
          source.open(path, { signal: own, ...(wanted === undefined ? {} : { range: wanted }) }),
        range,
        signal,
        conclude: (failures) => summary(path, failures, hint),
      }),
    async healthy(signal) {
      const states = await Promise.all(sources.map((source) => source.healthy(signal)))
      return states.includes(true)
    },
  }
}

function summary(
  path: ContentPath,
  failures: readonly (readonly [ContentSource, unknown])[],
  hint: string | undefined,
): Failure {
  const said = failures.map(([source, error]) => `${source.name}: ${messageOf(error)}`).join('; ')
  const only = failures.map(([, error]) => error)
  const every = (code: 'CONTENT_INVALID' | 'OVERLOADED'): boolean =>
    only.length > 0 && only.every((error) => isFailure(error, code))
  const what = formatContentPath(path)
  const detail = { path: what, sources: failures.map(([source]) => source.name) }
  if (every('OVERLOADED')) return new Failure('OVERLOADED', said, { detail })
  if (every('CONTENT_INVALID')) {
    return new Failure('CONTENT_INVALID', `no source gave right bytes for ${what}: ${said}`, { detail })
  }
  const late = only.some((error) => isFailure(error, 'CONTENT_TIMEOUT'))
  const code = late ? 'CONTENT_TIMEOUT' : 'CONTENT_UNAVAILABLE'
  const ending = hint === undefined ? '' : `. ${hint}`
  return new Failure(code, `no source could give ${what}: ${said || 'none is configured'}${ending}`, {
    detail,
  })
}
