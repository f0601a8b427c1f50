/**
 * Waits for one thing after the other, with one timer and one listener for all: pieces of a layer come by the thousand,
 * and hardly one of them late.
 */
export class Patience {
  readonly #signal: AbortSignal
  #timer: NodeJS.Timeout | undefined
  /** When the timer goes off, and until when is waited, both in ms since the epoch. */
  #due = Infinity
  #until = Infinity
  #settle: ((came: boolean) => void) | undefined

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort)
  }

  /**
   * @param until ms since the epoch
   * @returns whether it settled in time @throws the signal's reason
   */
  async wait(thing: Promise<unknown>, until: number): Promise<boolean> {
    this.#signal.throwIfAborted()
    this.#until = until
    if (until < this.#due) this.#watch()
    const came = await new Promise<boolean>((resolve) => {
      this.#settle = resolve
      const settled = (): void => resolve(true)
      thing.then(settled, settled)
    })
    this.#settle = undefined
    this.#signal.throwIfAborted()
    return came
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#signal.removeEventListener('abort', this.#onAbort)
  }

  readonly #onAbort = (): void => this.#settle?.(false)

  #watch(): void {
    clearTimeout(this.#timer)
    this.#due = this.#until
    this.#timer = setTimeout(() => this.#look(), Math.max(1, this.#due - Date.now()))
    this.#timer.unref()
  }

  /** It may be something else that is waited for by now, and for longer. */
  #look(): void {
    this.#due = Infinity
    if (this.#settle === undefined || this.#until === Infinity) return
    if (this.#until <= Date.now()) this.#settle(false)
    else this.#watch()
  }
}
