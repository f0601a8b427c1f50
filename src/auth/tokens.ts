import { createHash, randomUUID } from 'node:crypto'
import type { Scope } from './scope.ts'
import { openToken, signToken } from './signed-token.ts'
import type { SigningKeys } from './signing-keys.ts'

/** Who issues tokens, and for whom they are where no public address says it. */
const ISSUER = 'ipfs-registry-gateway'
/** Seconds that a refresh token is good for, if its user's password does not change before. */
const REFRESH_LIFETIME = 30 * 24 * 60 * 60

export interface TokensOptions {
  /** Its value may change at any time. */
  readonly keys: { readonly value: SigningKeys }
  /** ms */
  readonly lifetime: number
  /** Where clients reach this gateway, if it is said: tokens of another place with the same key are of no use here. */
  readonly publicUrl: string | undefined
}

/** What a good token says. */
export interface Grant {
  /** Undefined for somebody who has not said who they are. */
  readonly user: string | undefined
  readonly scopes: readonly Scope[]
}

export interface IssuedToken {
  readonly token: string
  /** Seconds. */
  readonly lifetime: number
  /** RFC 3339 */
  readonly issuedAt: string
}

/** Makes tokens and reads them again, on whichever gateway has the same keys. */
export class Tokens {
  /** What clients are told that the token is for, and say again when they ask for it. */
  readonly service: string
  readonly #keys: TokensOptions['keys']
  readonly #lifetime: number

  constructor({ keys, lifetime, publicUrl }: TokensOptions) {
    this.#keys = keys
    this.#lifetime = Math.floor(lifetime / 1000)
    this.service = publicUrl === undefined ? ISSUER : new URL(publicUrl).host
  }

  issue({ user, scopes }: Grant): IssuedToken {
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: ISSUER,
      sub: user ?? '',
      aud: this.service,
      iat: now,
      exp: now + this.#lifetime,
      jti: randomUUID(),
      access: scopes,
    }
    const token = signToken('access', claims, this.#keys.value)
    return { token, lifetime: this.#lifetime, issuedAt: new Date(now * 1000).toISOString() }
  }

  /** @returns undefined for one that is not of this gateway or its like, or no longer good */
  open(token: string): Grant | undefined {
    const claims = openToken('access', token, this.#keys.value)
    if (claims === undefined || claims['aud'] !== this.service) return undefined
    // Signed by us, so of the form that we give them.
    const { sub, access } = claims as { sub: string; access: readonly Scope[] }
    return { user: sub === '' ? undefined : sub, scopes: access }
  }

  /** @param hash of the user's password */
  issueRefresh(user: string, hash: string): string {
    const now = Math.floor(Date.now() / 1000)
    const claims = { sub: user, aud: this.service, exp: now + REFRESH_LIFETIME, pwd: digestOf(hash) }
    return signToken('refresh', claims, this.#keys.value)
  }

  /**
   * Whose refresh token this is.
   *
   * @param hashOf the hash of a user's password now
   * @returns undefined for one that is no longer good, as after a change of the password
   */
  openRefresh(token: string, hashOf: (user: string) => string | undefined): string | undefined {
    const claims = openToken('refresh', token, this.#keys.value)
    if (claims === undefined || claims['aud'] !== this.service) return undefined
    const { sub, pwd } = claims as { sub: string; pwd: string }
    const hash = hashOf(sub)
    return hash !== undefined && digestOf(hash) === pwd ? sub : undefined
  }
}

function digestOf(hash: string): string {
  return createHash('sha256').update(hash).digest('base64url')
}
