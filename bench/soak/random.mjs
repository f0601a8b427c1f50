/** Numbers that are the same for the same seed: mulberry32. */
export class Random {
  #state

  /** @param seed a whole number */
  constructor(seed) {
    this.#state = seed >>> 0
  }

  /** From 0 to below 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 to below `count`. */
  below(count) {
    return Math.floor(this.next() * count)
  }

  one(list) {
    return list[this.below(list.length)]
  }

  /** One of the keys, each as often as its weight says. */
  weighted(weights) {
    const entries = Object.entries(weights)
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [key, weight] of entries) {
      left -= weight
      if (left < 0) return key
    }
    return entries.at(-1)[0]
  }

  /** Another sequence, for somebody who takes numbers at other times. */
  fork() {
    return new Random(Math.floor(this.next() * 2 ** 32))
  }
}
