import { setMaxListeners } from 'node:events'
import { Failure, isFailure } from '../errors.ts'

interface Flight<T> {
  readonly result: Promise<T>
  readonly abort: AbortController
  waiting: number
  lingerUntil: number
}

/**
 * Work done once for all who want the same. It ends when the last of them leaves, unless one left because its time
 * was up: then it goes on for a while, so that the next try finds the result.
 */
export class Flights<T> {
  private readonly flights = new Map<string, Flight<T>>()
  private readonly lingerMs: number

  constructor(lingerMs: number) {
    this.lingerMs = lingerMs
  }

  /** @throws what the work throws, or the signal's reason */
  join(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (signal.aborted) return Promise.reject(signal.reason as Error)
    const flight = this.flights.get(key) ?? this.start(key, work)
    flight.waiting += 1
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        signal.removeEventListener('abort', abort)
        flight.waiting -= 1
      }
      const abort = (): void => {
        leave()
        if (isFailure(signal.reason, 'CONTENT_TIMEOUT')) flight.lingerUntil = Date.now() + this.lingerMs
        this.abandon(flight)
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', abort, { once: true })
      flight.result.then(resolve, reject).finally(leave)
    })
  }

  private start(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const abort = new AbortController()
    setMaxListeners(0, abort.signal)
    const result = work(abort.signal).finally(() => {
      if (this.flights.get(key) === flight) this.flights.delete(key)
    })
    result.catch(() => undefined)
    const flight: Flight<T> = { result, abort, waiting: 0, lingerUntil: 0 }
    this.flights.set(key, flight)
    return flight
  }

  private abandon(flight: Flight<T>): void {
    if (flight.waiting > 0) return
    const left = flight.lingerUntil - Date.now()
    if (left <= 0) {
      for (const [key, other] of this.flights) if (other === flight) this.flights.delete(key)
      flight.abort.abort(new Failure('CONTENT_UNAVAILABLE', 'nobody waits for it any more'))
      return
    }
    setTimeout(() => this.abandon(flight), left).unref()
  }
}
