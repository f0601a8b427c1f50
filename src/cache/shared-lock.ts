interface Waiting {
  readonly exclusive: boolean
  readonly admit: () => void
}

/**
 * A read-write lock: any number share it, or one has it alone. Who comes later waits behind who waits already, so
 * neither kind can starve the other.
 */
export class SharedLock {
  private sharing = 0
  private alone = false
  private readonly queue: Waiting[] = []

  /** @throws what the work throws, or the signal's reason when it aborts before it is the work's turn */
  async shared<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    const release = await this.take('shared', signal)
    try {
      return await work()
    } finally {
      release()
    }
  }

  /** As {@link shared}, with nobody else. */
  async exclusive<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    const release = await this.take('exclusive', signal)
    try {
      return await work()
    } finally {
      release()
    }
  }

  /** @returns gives it back; may be called more than once */
  async take(kind: 'shared' | 'exclusive', signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    const exclusive = kind === 'exclusive'
    if (this.queue.length > 0 || !this.isFree(exclusive)) await this.enqueue(exclusive, signal)
    else this.enter(exclusive)
    let given = false
    return () => {
      if (given) return
      given = true
      if (exclusive) this.alone = false
      else this.sharing -= 1
      this.admitNext()
    }
  }

  private isFree(exclusive: boolean): boolean {
    return !this.alone && (!exclusive || this.sharing === 0)
  }

  private enter(exclusive: boolean): void {
    if (exclusive) this.alone = true
    else this.sharing += 1
  }

  private admitNext(): void {
    for (let next = this.queue[0]; next !== undefined && this.isFree(next.exclusive); next = this.queue[0]) {
      this.queue.shift()
      this.enter(next.exclusive)
      next.admit()
    }
  }

  private enqueue(exclusive: boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.queue.splice(this.queue.indexOf(waiting), 1)
        reject(signal.reason as Error)
        this.admitNext()
      }
      const waiting: Waiting = {
        exclusive,
        admit: () => {
          signal.removeEventListener('abort', abort)
          resolve()
        },
      }
      signal.addEventListener('abort', abort, { once: true })
      this.queue.push(waiting)
    })
  }
}
