import { LRUCache } from 'lru-cache'
import { Flights } from '../cache/flights.ts'
import { upTo } from '../cache/up-to.ts'

/** What a source has said of a path below an immutable root. */
export interface Fact<T> {
  readonly value: T
  /** Whether it is proved, and so stays. */
  readonly lasting: boolean
}

/** ms after which what is not proved is asked for again. */
const BELIEVED = 60_000

/**
 * What paths below immutable roots hold, asked for once. What is not proved is asked for again after a while, behind the
 * back of whoever asks, and stays until somebody answers.
 */
export class PathFacts<T> {
  private readonly known: LRUCache<string, Fact<T> & { readonly until: number }>
  private readonly flights: Flights<T>
  private readonly lingerMs: number

  /** @param lingerMs that a look goes on after everyone's time was up */
  constructor(max: number, lingerMs: number) {
    this.known = new LRUCache(upTo(max))
    this.flights = new Flights(lingerMs)
    this.lingerMs = lingerMs
  }

  /** @throws what `ask` throws, where nothing is known */
  get(key: string, signal: AbortSignal, ask: (signal: AbortSignal) => Promise<Fact<T>>): Promise<T> {
    const known = this.known.get(key)
    if (known === undefined) return this.look(key, signal, ask)
    const left = known.until - Date.now()
    if (left <= 0 || (left > BELIEVED && left < Infinity)) {
      this.known.set(key, { ...known, until: Date.now() + BELIEVED })
      this.look(key, AbortSignal.timeout(this.lingerMs), ask).catch(() => undefined)
    }
    return Promise.resolve(known.value)
  }

  private look(key: string, signal: AbortSignal, ask: (signal: AbortSignal) => Promise<Fact<T>>): Promise<T> {
    return this.flights.join(key, signal, async (own) => {
      const fact = await ask(own)
      this.known.set(key, { ...fact, until: fact.lasting ? Infinity : Date.now() + BELIEVED })
      return fact.value
    })
  }
}
