import { SYSTEM_CLOCK, type Clock } from '../../content/clock.ts'
import { FollowedRoot } from './followed-root.ts'
import { PUBLISH_TIMING, type PublishTiming } from './publish-timing.ts'
import { RootName, type RootNameOptions } from './root-name.ts'
import type { RootNameEvents, RootNameState } from './root-name-state.ts'

export interface RootPublisherOptions extends Omit<RootNameOptions, 'now'> {
  readonly timing?: Partial<PublishTiming>
  readonly clock?: Clock
  /** From 0 to 1: spreads what several gateways do. */
  readonly random?: () => number
  readonly events?: RootNameEvents
}

/**
 * Lets the IPNS name of each root follow the root, in the background: what is new is published together after a moment,
 * tried again with growing pauses where it fails, and looked at again for as long as this runs. What is published is
 * always what the root is then, whoever changed it.
 */
export class RootPublisher {
  readonly #roots: ReadonlyMap<string, FollowedRoot>

  constructor(options: RootPublisherOptions) {
    const { keys, clock = SYSTEM_CLOCK, random = Math.random, events = {} } = options
    const timing = { ...PUBLISH_TIMING, ...options.timing }
    const now = (): number => clock.now()
    this.#roots = new Map(
      keys.roots.map((root) => {
        const name = new RootName(root, { ...options, now })
        return [root, new FollowedRoot({ root, name, keys, timing, clock, random, events })]
      }),
    )
  }

  /** Look at every name now, and from then on. */
  start(): void {
    for (const followed of this.#roots.values()) followed.start()
  }

  /** The root has a new version. Returns at once; roots that are not published are passed over. */
  changed(root: string): void {
    this.#roots.get(root)?.changed()
  }

  /** Undefined for a root that is not published. */
  state(root: string): RootNameState | undefined {
    return this.#roots.get(root)?.state()
  }

  states(): RootNameState[] {
    return [...this.#roots.values()].map((followed) => followed.state())
  }

  /** Publish what waits to be published, until the signal aborts; then nothing is done any more. Never throws. */
  async stop(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#roots.values()].map((followed) => followed.stop(signal)))
  }
}
