import { LRUCache } from 'lru-cache'
import { Flights } from '../../cache/flights.ts'
import type { Asked } from '../asked.ts'
import type { HostAccess } from '../host-access.ts'
import type { Challenge } from './challenge.ts'
import type { Credential } from './credentials.ts'
import { requestToken } from './token-request.ts'
import { tokenServerAt } from './token-server.ts'

/** Tokens that are kept: one for each repository. */
const KEPT = 1000

/** ms before its end from which on a token is not used any more, at most; of a short one a quarter. */
const MARGIN = 10_000

/** A token for one scope, with where it is kept. */
export interface Token {
  readonly token: string
  readonly key: string
  /** Whether it was fetched before it was asked for. */
  readonly kept: boolean
}

/** Tokens of one registry, each fetched once however many ask, and kept until shortly before its end. */
export class Tokens {
  readonly #access: HostAccess
  readonly #fetches: Flights<string>
  readonly #kept = new LRUCache<string, { readonly token: string; readonly until: number }>({ max: KEPT })

  constructor(access: HostAccess) {
    this.#access = access
    this.#fetches = new Flights(access.answerTimeout)
  }

  /** @throws see requestToken and tokenServerAt */
  async get(
    challenge: Extract<Challenge, { scheme: 'bearer' }>,
    asked: Asked,
    credential: Credential | undefined,
    signal: AbortSignal,
  ): Promise<Token> {
    const { realm, service } = challenge
    const { scope, repository } = asked
    const key = JSON.stringify([realm, service, scope, credential])
    const kept = this.#kept.get(key)
    if (kept !== undefined && Date.now() < kept.until) return { token: kept.token, key, kept: true }
    const token = await this.#fetches.join(key, signal, async (whileWanted) => {
      const server = tokenServerAt(realm, this.#access)
      const question = { service, scope, repository, credential, signal: whileWanted }
      const issued = await requestToken(server, question)
      const until = Date.now() + issued.lifetime - Math.min(MARGIN, issued.lifetime / 4)
      this.#kept.set(key, { token: issued.token, until })
      return issued.token
    })
    return { token, key, kept: false }
  }

  /** The registry does not take it. */
  drop({ key, token }: Token): void {
    if (this.#kept.get(key)?.token === token) this.#kept.delete(key)
  }
}
