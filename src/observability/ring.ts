/** The last so many of what came, however much comes. */
export class Ring<T> {
  readonly #places: T[] = []
  readonly #size: number
  /** Where the next one goes. */
  #next = 0

  /** @param size at least 1 */
  constructor(size: number) {
    this.#size = size
  }

  add(entry: T): void {
    this.#places[this.#next] = entry
    this.#next = (this.#next + 1) % this.#size
  }

  /** Newest first. */
  entries(): T[] {
    const { length } = this.#places
    return Array.from(
      { length },
      (_, age) => this.#places[(this.#next - 1 - age + 2 * this.#size) % this.#size],
    ).filter((entry) => entry !== undefined)
  }
}
