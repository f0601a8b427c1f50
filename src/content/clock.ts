/** The time, and being woken at one. */
export interface Clock {
  /** ms since the epoch */
  now(): number
  /** Run the task after so many ms. @returns what keeps it from being run */
  after(ms: number, task: () => void): () => void
}

/** Does not keep the process alive. */
export const SYSTEM_CLOCK: Clock = {
  now: Date.now,
  after(ms, task) {
    const timer = setTimeout(task, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
