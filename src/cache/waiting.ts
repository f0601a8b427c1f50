/** A promise that settles when `wake` is called or `signal` aborts; made anew for each wait. */
export class Waiters {
  private readonly waiting = new Set<() => void>()

  /** @throws the signal's reason when it aborts first */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error)
        return
      }
      const settle = (): void => {
        signal.removeEventListener('abort', abort)
        this.waiting.delete(settle)
        resolve()
      }
      const abort = (): void => {
        this.waiting.delete(settle)
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', abort, { once: true })
      this.waiting.add(settle)
    })
  }

  wake(): void {
    for (const settle of [...this.waiting]) settle()
  }
}

/**
 * Wait for `promise`, but no longer than `signal` allows; the promise itself goes on.
 *
 * @throws the signal's reason when it aborts first
 */
export function within<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      promise.catch(() => undefined)
      reject(signal.reason as Error)
      return
    }
    const abort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
