/** Numbers from 0 on, one bit for each: a million of them take 125 KB. */
export class NumberSet {
  #bits = new Uint8Array(1024)
  #size = 0

  get size(): number {
    return this.#size
  }

  has(number: number): boolean {
    return ((this.#bits[number >> 3] ?? 0) & bitOf(number)) !== 0
  }

  /** @returns whether it was not there yet */
  add(number: number): boolean {
    if (this.has(number)) return false
    const at = number >> 3
    if (at >= this.#bits.length) {
      const more = new Uint8Array(Math.max(at + 1, 2 * this.#bits.length))
      more.set(this.#bits)
      this.#bits = more
    }
    this.#bits[at] = (this.#bits[at] ?? 0) | bitOf(number)
    this.#size += 1
    return true
  }
}

function bitOf(number: number): number {
  return 1 << (number & 7)
}
