import { isIPv6 } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { Slots } from '../content/limited.ts'

/** Failures that cost nothing: people mistype. */
const FREE = 5
/** More than so many are not counted, so that all are forgiven in some minutes. */
const MOST_COUNTED = 30
/** ms in which one failure is forgiven. */
const FORGIVEN = 10_000
/** ms of the first delay; each failure doubles it. */
const FIRST_DELAY = 125
/** ms. A right password is never kept waiting for longer than this by what others try. */
const LONGEST_DELAY = 2_000
/** Attempts of one address at once, so that trying in parallel is of no use, and those that wait for a place. */
const AT_ONCE = 4
const WAITING = 64
/** Users and addresses whose failures are remembered. */
const REMEMBERED = 20_000

interface Failures {
  readonly count: number
  /** ms since the epoch. */
  readonly at: number
}

export interface AttemptsOptions {
  /** Waits for so many ms. @throws the signal's reason */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>
  /** ms since the epoch. */
  readonly now?: () => number
}

interface Place {
  readonly slots: Slots
  users: number
}

/**
 * Makes trying passwords slow, by name of user and by address, and refuses none: each attempt waits for a moment that
 * grows with the failures before it. Nobody is locked out by another's attempts.
 */
export class Attempts {
  readonly #failures = new LRUCache<string, Failures>({ max: REMEMBERED })
  readonly #places = new Map<string, Place>()
  readonly #wait: NonNullable<AttemptsOptions['wait']>
  readonly #now: () => number

  constructor({ wait = waitFor, now = Date.now }: AttemptsOptions = {}) {
    this.#wait = wait
    this.#now = now
  }

  /**
   * Try a password when its turn has come.
   *
   * @param client address
   * @param attempt resolves to whether the password was right
   * @throws Failure OVERLOADED when too many of that address wait; the signal's reason
   */
  async make(
    user: string,
    client: string,
    signal: AbortSignal,
    attempt: () => Promise<boolean>,
  ): Promise<boolean> {
    const network = networkOf(client)
    const place = this.#places.get(network) ?? { slots: newSlots(), users: 0 }
    this.#places.set(network, place)
    place.users += 1
    try {
      return await place.slots.during(signal, async () => {
        const keys = [`user ${user}`, `address ${network}`]
        const delay = Math.max(...keys.map((key) => this.#delay(key)))
        if (delay > 0) await this.#wait(delay, signal)
        const right = await attempt()
        // Whoever has a password of their own is not let to try those of others for it.
        if (right) this.#failures.delete(`user ${user}`)
        else for (const key of keys) this.#failed(key)
        return right
      })
    } finally {
      place.users -= 1
      if (place.users === 0) this.#places.delete(network)
    }
  }

  #delay(key: string): number {
    const beyond = this.#count(key) - FREE
    return beyond < 0 ? 0 : Math.min(FIRST_DELAY * 2 ** beyond, LONGEST_DELAY)
  }

  #failed(key: string): void {
    this.#failures.set(key, { count: Math.min(this.#count(key) + 1, MOST_COUNTED), at: this.#now() })
  }

  #count(key: string): number {
    const { count, at } = this.#failures.get(key) ?? { count: 0, at: 0 }
    return Math.max(0, count - Math.floor((this.#now() - at) / FORGIVEN))
  }
}

function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted())
}

function newSlots(): Slots {
  return new Slots('a password of this address to be looked at', AT_ONCE, WAITING)
}

/** Whoever has one address of IPv6 has all of its network. */
function networkOf(client: string): string {
  if (!isIPv6(client)) return client
  const [head = '', tail] = client.split('::')
  const groups = head.split(':')
  if (tail !== undefined) groups.push(...Array<string>(8).fill('0'))
  return groups
    .slice(0, 4)
    .map((group) => group || '0')
    .join(':')
}
