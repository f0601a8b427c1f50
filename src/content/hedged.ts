import { Failure } from '../errors.ts'

export interface HedgedOptions<C, T> {
  readonly signal: AbortSignal
  /** ms after which the next candidate is asked as well. */
  readonly delay: number
  /** Asked only when all candidates have failed, however slow they are. */
  readonly reserve?: C | undefined
  /** The signal aborts when `signal` does, also long after the answer, and when another candidate was faster. */
  readonly ask: (candidate: C, signal: AbortSignal) => Promise<T>
  /** Hears of every failure but those of candidates that were too slow. @returns whether it settles the matter */
  readonly onFailure: (error: unknown, candidate: C) => boolean
  /** What to throw when all have failed. */
  readonly exhausted: () => unknown
}

/**
 * Ask candidates in the order given, the next one when one fails, or as well when one is slow. The first answer wins.
 *
 * @throws the failure that settles the matter, what `exhausted` gives, or the signal's reason
 */
export function hedged<C, T>(
  candidates: readonly C[],
  options: HedgedOptions<C, T>,
): Promise<{ candidate: C; value: T }> {
  const { signal, delay, ask, onFailure, exhausted } = options
  if (signal.aborted) return Promise.reject(signal.reason as Error)
  const queue = [...candidates]
  const reserve = options.reserve === undefined ? [] : [options.reserve]
  return new Promise((resolve, reject) => {
    const running = new Set<AbortController>()
    let settled = false
    let timer: NodeJS.Timeout | undefined
    const settle = (action: () => void, winner?: AbortController): void => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      // The winner's answer may be a body, which is read under the same controller.
      if (winner === undefined) signal.removeEventListener('abort', abort)
      for (const other of running) {
        if (other !== winner) other.abort(new Failure('CONTENT_UNAVAILABLE', 'another source was faster'))
      }
      action()
    }
    const abort = (): void => {
      for (const controller of running) controller.abort(signal.reason)
      settle(() => reject(signal.reason as Error))
    }
    const next = (): void => {
      clearTimeout(timer)
      const candidate = queue.shift() ?? (running.size === 0 ? reserve.shift() : undefined)
      if (candidate === undefined) {
        if (running.size === 0) settle(() => reject(exhausted()))
        return
      }
      const controller = new AbortController()
      running.add(controller)
      timer = setTimeout(next, delay)
      const answer = async (): Promise<T> => ask(candidate, controller.signal)
      answer().then(
        (value) => settle(() => resolve({ candidate, value }), controller),
        (error: unknown) => {
          running.delete(controller)
          if (settled) return
          if (onFailure(error, candidate)) settle(() => reject(error))
          else next()
        },
      )
    }
    signal.addEventListener('abort', abort)
    next()
  })
}
