import { Failure } from '../errors.ts'

export interface HedgedOptions<C, T> {
  readonly signal: AbortSignal
  /** ms after which the next candidate is asked as well. */
  readonly delay: number
  /** Candidates that are better not asked: only when the others have failed, or take several times that long. */
  readonly reserve?: readonly C[]
  /** The signal aborts when `signal` does, also long after the answer, and when another candidate was faster. */
  readonly ask: (candidate: C, signal: AbortSignal) => Promise<T>
  /** Hears of every failure but those of candidates that were too slow. @returns whether it settles the matter */
  readonly onFailure: (error: unknown, candidate: C) => boolean
  /** What to throw when all have failed. */
  readonly exhausted: () => unknown
}

/** How many delays more those in reserve wait. */
const PATIENCE = 10

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
  const reserve = [...(options.reserve ?? [])]
  return new Promise((resolve, reject) => {
    const running = new Set<AbortController>()
    let settled = false
    let reserveToo = false
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
      reserveToo ||= queue.length === 0 && running.size === 0
      const candidate = queue.shift() ?? (reserveToo ? reserve.shift() : undefined)
      if (candidate === undefined) {
        if (running.size === 0) settle(() => reject(exhausted()))
        else if (reserve.length > 0) timer = setTimeout(askReserve, delay * PATIENCE)
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
    const askReserve = (): void => {
      reserveToo = true
      next()
    }
    signal.addEventListener('abort', abort)
    next()
  })
}
