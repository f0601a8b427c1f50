import { Failure } from '../errors.ts'

/** What a host that asks for fewer requests (429) is owed: none until the time it named. */
export class Pause {
  readonly #name: string
  #until = 0
  /** ms */
  #length = 0

  constructor(name: string) {
    this.#name = name
  }

  /**
   * It has answered 429.
   *
   * @param seconds as its `Retry-After` says; undefined where it does not say, and may go on with other requests
   */
  begin(seconds: number | undefined): Failure {
    if (seconds !== undefined) {
      this.#length = seconds * 1000
      this.#until = Date.now() + this.#length
    }
    return this.#limited(seconds)
  }

  get active(): boolean {
    const left = this.#until - Date.now()
    // For no longer than it was asked for, also when the clock has been set back.
    return left > 0 && left <= this.#length
  }

  /** ms since the epoch until which it lasts; undefined when there is none. */
  get until(): number | undefined {
    return this.active ? this.#until : undefined
  }

  /** @throws Failure UPSTREAM_LIMITED while it lasts, with the seconds that are left */
  check(): void {
    if (this.active) throw this.#limited(Math.ceil((this.#until - Date.now()) / 1000))
  }

  #limited(seconds: number | undefined): Failure {
    const when = seconds === undefined ? 'for a while' : `for ${seconds} s`
    const options = seconds === undefined ? {} : { retryAfter: seconds }
    return new Failure('UPSTREAM_LIMITED', `${this.#name} asks for fewer requests ${when}`, options)
  }
}
