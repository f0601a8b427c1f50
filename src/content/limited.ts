import { Failure } from '../errors.ts'
import { closableBody, endBody } from './closable-body.ts'
import type { ContentSource, OpenedFile } from './source.ts'

interface Waiting {
  readonly admit: () => void
  readonly reject: (reason: unknown) => void
}

/** A number of places and a bounded queue for them. */
export class Slots {
  private free: number
  private readonly queue: Waiting[] = []
  private readonly queueLimit: number
  private readonly what: string

  /** `what` the places are for goes into the message of the OVERLOADED failure. */
  constructor(what: string, places: number, queueLimit: number) {
    this.what = what
    this.free = places
    this.queueLimit = queueLimit
  }

  /**
   * Wait for a place.
   *
   * @returns gives the place back; may be called more than once
   * @throws Failure OVERLOADED when the queue is full; the signal's reason
   */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.free > 0) this.free -= 1
    else await this.enqueue(signal)
    let given = false
    return () => {
      if (given) return
      given = true
      const next = this.queue.shift()
      if (next === undefined) this.free += 1
      else next.admit()
    }
  }

  /** Do something in a place that is given back at its end. */
  async during<T>(signal: AbortSignal, action: () => Promise<T>): Promise<T> {
    const release = await this.take(signal)
    try {
      return await action()
    } finally {
      release()
    }
  }

  private enqueue(signal: AbortSignal): Promise<void> {
    if (this.queue.length >= this.queueLimit) {
      throw new Failure('OVERLOADED', `${this.queue.length} requests wait for ${this.what} already`)
    }
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.queue.splice(this.queue.indexOf(entry), 1)
        reject(signal.reason as Error)
      }
      const entry: Waiting = {
        admit: () => {
          signal.removeEventListener('abort', abort)
          resolve()
        },
        reject,
      }
      signal.addEventListener('abort', abort, { once: true })
      this.queue.push(entry)
    })
  }
}

/** At most so many requests to a source at once; a place is held until the body has been read. */
export function limited(source: ContentSource, slots: Slots): ContentSource {
  return {
    name: source.name,
    proof: source.proof,
    stat: (path, options) => slots.during(options.signal, () => source.stat(path, options)),
    list: (path, options) => slots.during(options.signal, () => source.list(path, options)),
    healthy: (signal) => source.healthy(signal),
    open: (path, options) => openLimited(slots, options.signal, () => source.open(path, options)),
  }
}

/** Open a file in a place of its own, which is held until the body has been read or ended, or the signal aborts. */
export async function openLimited(
  slots: Slots,
  signal: AbortSignal,
  open: () => Promise<OpenedFile>,
): Promise<OpenedFile> {
  const release = await slots.take(signal)
  try {
    const file = await open()
    signal.addEventListener('abort', release, { once: true })
    // Whoever gave up while the answer was on its way reads no body, and hears no event either.
    if (signal.aborted) release()
    const done = (): void => {
      signal.removeEventListener('abort', release)
      release()
    }
    const body = closableBody(piecesOf(file.body), () => {
      done()
      void endBody(file.body)
    })
    return { ...file, body, discredit: (reason) => file.discredit(reason) }
  } catch (error) {
    release()
    throw error
  }
}

async function* piecesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield* body
}
