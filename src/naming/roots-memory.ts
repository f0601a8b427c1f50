import { messageOf } from '../errors.ts'

/** A name as it is kept across restarts: plain JSON. */
export interface SavedName {
  /** Canonical text of the mutable name. */
  readonly name: string
  /** `/ipfs/<cid>/<path…>` */
  readonly path: string
  /** ms since the epoch: when the path was last confirmed. */
  readonly confirmedAt: number
  /** ms since the epoch */
  readonly freshUntil: number
  /** Earlier paths, newest first. */
  readonly previous: readonly string[]
  /** The newest IPNS records on the way to the path; sequence in decimal, validity in ms since the epoch. */
  readonly records: readonly {
    readonly key: string
    readonly value: string
    readonly sequence: string
    readonly validUntil: number
  }[]
}

/** Where the last known roots outlive this process. */
export interface RootsMemory {
  /** Everything saved and not removed since. */
  load(): Promise<SavedName[]>
  /** Replaces what was saved under the name. */
  save(name: string, saved: SavedName): Promise<void>
  /** The name is forgotten; no error when it is not there. */
  remove(name: string): Promise<void>
}

/**
 * Writes to a RootsMemory behind the requests, one at a time; of several changes to one name that wait, only the last
 * is written, so that a slow disk costs no memory.
 */
export class RootsWriter {
  readonly #memory: RootsMemory
  readonly #onFailure: (message: string) => void
  readonly #pending = new Map<string, SavedName | undefined>()
  #writing: Promise<void> | undefined

  constructor(memory: RootsMemory, onFailure: (message: string) => void) {
    this.#memory = memory
    this.#onFailure = onFailure
  }

  /** @param saved undefined to remove the name */
  write(name: string, saved: SavedName | undefined): void {
    this.#pending.delete(name)
    this.#pending.set(name, saved)
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = undefined
    })
  }

  /** Resolves when nothing waits to be written any more. Never throws. */
  async drained(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing
  }

  async #drain(): Promise<void> {
    for (;;) {
      const [first] = this.#pending
      if (first === undefined) return
      const [name, saved] = first
      this.#pending.delete(name)
      try {
        await (saved === undefined ? this.#memory.remove(name) : this.#memory.save(name, saved))
      } catch (error) {
        this.#onFailure(`the last known root of ${name} could not be saved: ${messageOf(error)}`)
      }
    }
  }
}
