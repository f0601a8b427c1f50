import { Slots } from '../content/limited.ts'

/** At most so many requests a second; more wait for their turn, in order. */
export class Rate {
  readonly #slots: Slots
  readonly #held: number

  /**
   * @param perSecond may be less than one
   * @param queue how many may wait
   */
  constructor(name: string, perSecond: number, queue: number) {
    const places = Math.max(1, Math.floor(perSecond))
    this.#slots = new Slots(name, places, queue)
    // A place is taken for as long as its request counts.
    this.#held = (places / perSecond) * 1000
  }

  /** @throws Failure OVERLOADED when too many wait; the signal's reason */
  async turn(signal: AbortSignal): Promise<void> {
    const release = await this.#slots.take(signal)
    setTimeout(release, this.#held).unref()
  }
}
