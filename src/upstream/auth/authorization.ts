import type { Answer } from '../../content/transport/exchange.ts'
import { isFailure } from '../../errors.ts'
import type { Asked } from '../asked.ts'
import type { HostAccess } from '../host-access.ts'
import { type Challenge, challengeIn } from './challenge.ts'
import { type Credential, type Credentials, sameCredential } from './credentials.ts'
import { basicOf } from './token-request.ts'
import { type Token, Tokens } from './tokens.ts'

/** What a request may show. */
export interface Grant {
  /** Value of `Authorization`. */
  readonly authorization: string
  readonly credential: Credential | undefined
  readonly token: Token | undefined
}

/** How one registry wants to be asked, as it said when it refused, and what it is shown. */
export class Authorization {
  readonly #credentials: Credentials | undefined
  readonly #tokens: Tokens
  #challenge: Challenge | undefined

  constructor(access: HostAccess, credentials: Credentials | undefined) {
    this.#credentials = credentials
    this.#tokens = new Tokens(access)
  }

  /**
   * What to show: nothing as long as the registry has not asked for it.
   *
   * @throws Failure UPSTREAM_DENIED, UPSTREAM_LIMITED, CONTENT_UNAVAILABLE or CONTENT_TIMEOUT of the token server;
   *   CONTENT_UNAVAILABLE when the credentials can't be read
   */
  async grant(asked: Asked, signal: AbortSignal): Promise<Grant | undefined> {
    const challenge = this.#challenge
    if (challenge === undefined) return undefined
    const credential = await this.#credential(signal)
    if (challenge.scheme === 'bearer') return this.#bearer(challenge, asked, credential, signal)
    if (credential?.kind !== 'password') return undefined
    return { authorization: basicOf(credential), credential, token: undefined }
  }

  /**
   * What to show after a 401 or 403. Some registries say 403 where a password has ended (ECR).
   *
   * @param refused what was shown
   * @returns undefined when there is nothing else
   * @throws as {@link grant}
   */
  async renew(
    refused: Grant | undefined,
    answer: Answer,
    asked: Asked,
    signal: AbortSignal,
  ): Promise<Grant | undefined> {
    if (answer.status === 401) {
      this.#challenge = challengeIn(answer.headers['www-authenticate']) ?? this.#challenge
      const next = await this.#afterChallenge(refused, asked, signal)
      if (next !== undefined) return next
    }
    if (!(await this.#haveChanged(refused?.credential, signal))) return undefined
    return this.grant(asked, signal)
  }

  /** Where the registry has said only now what it wants, or a token may have ended. */
  async #afterChallenge(
    refused: Grant | undefined,
    asked: Asked,
    signal: AbortSignal,
  ): Promise<Grant | undefined> {
    if (refused?.token !== undefined) this.#tokens.drop(refused.token)
    return refused === undefined || refused.token?.kept === true ? this.grant(asked, signal) : undefined
  }

  async #bearer(
    challenge: Extract<Challenge, { scheme: 'bearer' }>,
    asked: Asked,
    credential: Credential | undefined,
    signal: AbortSignal,
  ): Promise<Grant> {
    try {
      const token = await this.#tokens.get(challenge, asked, credential, signal)
      return { authorization: `Bearer ${token.token}`, credential, token }
    } catch (error) {
      // The token server may have moved: the registry will say.
      if (isFailure(error, 'CONTENT_UNAVAILABLE', 'CONTENT_TIMEOUT')) this.#challenge = undefined
      if (!isFailure(error, 'UPSTREAM_DENIED') || !(await this.#haveChanged(credential, signal))) throw error
      const renewed = await this.#credential(signal)
      const token = await this.#tokens.get(challenge, asked, renewed, signal)
      return { authorization: `Bearer ${token.token}`, credential: renewed, token }
    }
  }

  async #credential(signal: AbortSignal): Promise<Credential | undefined> {
    return this.#credentials?.get(signal)
  }

  /** Whether what was refused is not what is given now, since a file or a helper may have something new. */
  async #haveChanged(refused: Credential | undefined, signal: AbortSignal): Promise<boolean> {
    this.#credentials?.invalidate(refused)
    return !sameCredential(await this.#credential(signal), refused)
  }
}
