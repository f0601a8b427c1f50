import { Failure } from '../errors.ts'

/** Bounds how many look-ups run at the same time, and how many wait for that. */
export class LookupSlots {
  #free: number
  readonly #longestQueue: number
  readonly #waiting = new Set<() => void>()

  constructor(options: { readonly concurrency: number; readonly queue: number }) {
    this.#free = options.concurrency
    this.#longestQueue = options.queue
  }

  /**
   * Run the task when a slot is free.
   *
   * @throws Failure OVERLOADED at once when the queue is full; the signal's reason when it aborts while waiting
   */
  async run<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    await this.#acquire(signal)
    try {
      return await task()
    } finally {
      this.#release()
    }
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#free > 0) {
      this.#free -= 1
      return
    }
    if (this.#waiting.size >= this.#longestQueue) {
      throw new Failure('OVERLOADED', 'Too many names wait to be resolved; try again in a moment')
    }
    await new Promise<void>((resolve, reject) => {
      const begin = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = (): void => {
        this.#waiting.delete(begin)
        reject(signal.reason as Error)
      }
      this.#waiting.add(begin)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  #release(): void {
    const [first] = this.#waiting
    if (first === undefined) {
      this.#free += 1
    } else {
      this.#waiting.delete(first)
      first()
    }
  }
}
