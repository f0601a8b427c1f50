import { createHmac, randomBytes } from 'node:crypto'
import bcrypt from '@node-rs/bcrypt'
import { LRUCache } from 'lru-cache'
import { Flights } from '../cache/flights.ts'
import { Slots } from '../content/limited.ts'
import type { Attempts } from './attempts.ts'
import { costOf, LONGEST_NAME, type Htpasswd } from './htpasswd-file.ts'

/** Passwords looked at together; each keeps one of the four threads busy that files are read by as well. */
const AT_ONCE = 2
const WAITING = 256
/** Right ones that are remembered, so that not each request costs what a hash does. */
const REMEMBERED = 1_000
/** ms */
const REMEMBERED_FOR = 60_000

/** A password file, ready for use. */
export interface PasswordFile {
  readonly hashes: Htpasswd
  /** Hash of a password that nobody has, to be looked at for users that there are none of: it takes as long. */
  readonly decoy: string
}

export async function preparePasswords(hashes: Htpasswd): Promise<PasswordFile> {
  const cost = Math.max(...[...hashes.values()].map(costOf))
  return { hashes, decoy: await bcrypt.hash(randomBytes(32).toString('hex'), cost) }
}

/** Tells right passwords from wrong ones. */
export class Passwords {
  readonly #file: { readonly value: PasswordFile }
  readonly #attempts: Attempts
  readonly #slots = new Slots('a password to be looked at', AT_ONCE, WAITING)
  readonly #right = new LRUCache<string, true>({ max: REMEMBERED, ttl: REMEMBERED_FOR })
  readonly #flights = new Flights<boolean>(0)
  /** Memory that is read by others has no passwords in it, nor hashes that are quick to try. */
  readonly #secret = randomBytes(32)

  /** @param file its value may change at any time */
  constructor(file: { readonly value: PasswordFile }, attempts: Attempts) {
    this.#file = file
    this.#attempts = attempts
  }

  /**
   * @param client address
   * @throws Failure OVERLOADED when too many passwords wait to be looked at; the signal's reason
   */
  async areRight(user: string, password: string, client: string, signal: AbortSignal): Promise<boolean> {
    // Nobody's, as everybody knows: it is not worth the memory that failures are remembered in.
    if (user.length > LONGEST_NAME) return false
    const { hashes, decoy } = this.#file.value
    const hash = hashes.get(user)
    const key = this.#keyOf(user, hash ?? decoy, password)
    if (this.#right.has(key)) return true
    return this.#flights.join(key, signal, async (flight) => {
      const right = await this.#attempts.make(user, client, flight, () =>
        this.#slots.during(flight, async () => {
          const matches = await bcrypt.verify(password, hash ?? decoy)
          return matches && hash !== undefined
        }),
      )
      if (right) this.#right.set(key, true)
      return right
    })
  }

  /** The hash of a user's password; undefined where there is no such user. */
  hashOf(user: string): string | undefined {
    return this.#file.value.hashes.get(user)
  }

  /** Another for another hash: a password that is changed is not remembered. */
  #keyOf(user: string, hash: string, password: string): string {
    const parts = JSON.stringify([user, hash, password])
    return createHmac('sha256', this.#secret).update(parts).digest('base64')
  }
}
