/** Work on the same thing is done one after the other, in the order in which it was asked for. */
export class Turns<Thing> {
  /** The last work on each thing that is under way. */
  private readonly last = new Map<Thing, Promise<void>>()

  /** @returns what the work returns; throws what it throws, which is no concern of those who come after it */
  take<Result>(thing: Thing, work: () => Promise<Result>): Promise<Result> {
    const turn = (this.last.get(thing) ?? Promise.resolve()).then(work)
    const ended: Promise<void> = turn
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        if (this.last.get(thing) === ended) this.last.delete(thing)
      })
    this.last.set(thing, ended)
    return turn
  }
}
