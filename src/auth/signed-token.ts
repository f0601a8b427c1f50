import { createHmac, timingSafeEqual } from 'node:crypto'
import type { SigningKeys } from './signing-keys.ts'

/** What a token is for. Each kind has a header of its own, so that none is taken for the other. */
export type TokenKind = 'access' | 'refresh'

/**
 * The whole header of a JWT (RFC 7519). A token's header is compared with it and never read, so that no token can say
 * how it wants to be checked.
 */
const HEADERS: Readonly<Record<TokenKind, string>> = {
  access: encode({ alg: 'HS256', typ: 'JWT' }),
  refresh: encode({ alg: 'HS256', typ: 'refresh+jwt' }),
}

/** @param claims plain JSON, with `exp` in seconds since the epoch */
export function signToken(kind: TokenKind, claims: { readonly exp: number }, [key]: SigningKeys): string {
  const signed = `${HEADERS[kind]}.${encode(claims)}`
  return `${signed}.${signatureOf(signed, key)}`
}

/**
 * The claims of a token.
 *
 * @param now ms since the epoch
 * @returns undefined for one that is not signed with any of the keys, is of another kind, or is no longer good
 */
export function openToken(
  kind: TokenKind,
  token: string,
  keys: SigningKeys,
  now: number = Date.now(),
): Readonly<Record<string, unknown>> | undefined {
  const end = token.lastIndexOf('.')
  const signed = token.slice(0, Math.max(end, 0))
  const signature = Buffer.from(token.slice(end + 1))
  const genuine = keys.some((key) => areEqual(signature, Buffer.from(signatureOf(signed, key))))
  if (!genuine || !signed.startsWith(`${HEADERS[kind]}.`)) return undefined
  const claims = JSON.parse(
    Buffer.from(signed.slice(HEADERS[kind].length + 1), 'base64url').toString(),
  ) as Readonly<Record<string, unknown>>
  const { exp } = claims
  return typeof exp === 'number' && now < exp * 1000 ? claims : undefined
}

function signatureOf(signed: string, key: string): string {
  return createHmac('sha256', key).update(signed).digest('base64url')
}

function areEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
