import { createHash } from 'node:crypto'

/** Choices that are the same for the same seed, so that what went wrong can be tried again. */
export class Random {
  readonly seed: string
  #count = 0

  constructor(seed: string) {
    this.seed = seed
  }

  /** Choices of their own, whatever else is chosen. */
  named(name: string | number): Random {
    return new Random(`${this.seed}/${name}`)
  }

  /** An integer from 0 to below `limit`. */
  below(limit: number): number {
    this.#count += 1
    const hash = createHash('sha256').update(`${this.seed}#${this.#count}`).digest()
    return hash.readUIntBE(0, 6) % limit
  }

  /** An integer, both ends included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  /** True so many times of a hundred. */
  percent(chance: number): boolean {
    return this.below(100) < chance
  }

  pick<T>(items: readonly T[]): T {
    const found = items[this.below(items.length)]
    if (found === undefined) throw new Error('nothing to pick from')
    return found
  }
}
