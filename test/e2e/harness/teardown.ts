/** What a test file started and must end again, ended in reverse order, whatever the tests did. */
export class Teardown {
  readonly #steps: (() => Promise<unknown> | void)[] = []

  defer(step: () => Promise<unknown> | void): void {
    this.#steps.push(step)
  }

  /** Runs every step, also after one that fails, then throws what failed. */
  async run(): Promise<void> {
    const failures: unknown[] = []
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('; '))
  }
}
