import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { openToken, signToken } from '../../../src/auth/signed-token.ts'
import { parseSigningKeys, type SigningKeys } from '../../../src/auth/signing-keys.ts'
import { Tokens } from '../../../src/auth/tokens.ts'

const KEY = 'k'.repeat(32)
const OTHER = 'o'.repeat(32)
const GRANT = { user: 'alice', scopes: [{ type: 'repository', name: 'team/a', actions: ['pull'] }] }

function tokensWith(keys: SigningKeys, publicUrl?: string): Tokens {
  return new Tokens({ keys: { value: keys }, lifetime: 60_000, publicUrl })
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const hmac = (text: string, key: string): string => createHmac('sha256', key).update(text).digest('base64url')
const later = (): number => Math.floor(Date.now() / 1000) + 60

describe('a token', () => {
  const tokens = tokensWith([KEY])

  test('says who it was given to and for what, to every gateway with the same key', () => {
    const { token, lifetime, issuedAt } = tokens.issue(GRANT)
    expect(tokensWith([KEY]).open(token)).toEqual(GRANT)
    expect(lifetime).toBe(60)
    expect(new Date(issuedAt).toISOString()).toBe(issuedAt)
    const [, claims = ''] = token.split('.')
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      iss: 'ipfs-registry-gateway',
      sub: 'alice',
      aud: 'ipfs-registry-gateway',
      access: GRANT.scopes,
    })
  })

  test('of nobody is of nobody', () => {
    expect(tokens.open(tokens.issue({ user: undefined, scopes: [] }).token)).toEqual({
      user: undefined,
      scopes: [],
    })
  })

  test('of another key is no good, until that key is known too', () => {
    const { token } = tokensWith([OTHER]).issue(GRANT)
    expect(tokens.open(token)).toBeUndefined()
    expect(tokensWith([KEY, OTHER]).open(token)).toEqual(GRANT)
  })

  test('is no good with any character changed, taken away or added', () => {
    const { token } = tokens.issue(GRANT)
    for (let at = 0; at < token.length; at++) {
      const other = token[at] === 'A' ? 'B' : 'A'
      expect(tokens.open(token.slice(0, at) + other + token.slice(at + 1))).toBeUndefined()
      expect(tokens.open(token.slice(0, at) + token.slice(at + 1))).toBeUndefined()
    }
    for (const more of [`${token}A`, `${token}=`, `${token}.`, ` ${token}`, `.${token}`])
      expect(tokens.open(more)).toBeUndefined()
  })

  test.each(['', '.', '..', 'a.b.c', 'eyJ', '\0.\0.\0'])('%j is none', (text) => {
    expect(tokens.open(text)).toBeUndefined()
  })

  test.each([
    ['no signature', { alg: 'none' }, () => ''],
    ['none, signed', { alg: 'none', typ: 'JWT' }, (text: string) => hmac(text, KEY)],
    ['another header, signed', { typ: 'JWT', alg: 'HS256' }, (text: string) => hmac(text, KEY)],
    [
      'a public key',
      { alg: 'EdDSA', typ: 'JWT' },
      (text: string) =>
        sign(null, Buffer.from(text), generateKeyPairSync('ed25519').privateKey).toString('base64url'),
    ],
    ['an empty key', { alg: 'HS256', typ: 'JWT' }, (text: string) => hmac(text, '')],
  ])('that wants to be checked by %s is no good', (_, header, signed) => {
    const text = `${encode(header)}.${encode({ sub: 'alice', aud: tokens.service, exp: later(), access: [] })}`
    expect(tokens.open(`${text}.${signed(text)}`)).toBeUndefined()
  })

  test('without an end is no good', () => {
    const token = signToken('access', { aud: tokens.service, sub: 'a' } as never, [KEY])
    expect(tokens.open(token)).toBeUndefined()
    expect(
      openToken('access', signToken('access', { exp: '9999999999' as never }, [KEY]), [KEY]),
    ).toBeUndefined()
  })

  test('of another place with the same key is no good', () => {
    const there = tokensWith([KEY], 'https://registry.example.org')
    expect(there.service).toBe('registry.example.org')
    expect(tokens.open(there.issue(GRANT).token)).toBeUndefined()
    expect(there.open(there.issue(GRANT).token)).toEqual(GRANT)
  })
})

describe('in time', () => {
  beforeEach(() => void jest.useFakeTimers({ now: 1_000_000_000_000 }))
  afterEach(() => void jest.useRealTimers())

  test('a token ends', () => {
    const tokens = tokensWith([KEY])
    const { token } = tokens.issue(GRANT)
    jest.setSystemTime(1_000_000_059_999)
    expect(tokens.open(token)).toEqual(GRANT)
    jest.setSystemTime(1_000_000_060_000)
    expect(tokens.open(token)).toBeUndefined()
  })

  test('a refresh token lasts for 30 days', () => {
    const tokens = tokensWith([KEY])
    const token = tokens.issueRefresh('alice', 'hash')
    jest.setSystemTime(1_000_000_000_000 + 30 * 86_400_000 - 1)
    expect(tokens.openRefresh(token, () => 'hash')).toBe('alice')
    jest.setSystemTime(1_000_000_000_000 + 30 * 86_400_000)
    expect(tokens.openRefresh(token, () => 'hash')).toBeUndefined()
  })
})

describe('a refresh token', () => {
  const tokens = tokensWith([KEY])

  test('is good as long as its user has the same password', () => {
    const token = tokens.issueRefresh('alice', 'hash')
    expect(tokens.openRefresh(token, (user) => (user === 'alice' ? 'hash' : undefined))).toBe('alice')
    expect(tokens.openRefresh(token, () => 'another')).toBeUndefined()
    expect(tokens.openRefresh(token, () => undefined)).toBeUndefined()
  })

  test('is no token to work with, nor the other way round', () => {
    expect(tokens.open(tokens.issueRefresh('alice', 'hash'))).toBeUndefined()
    expect(tokens.openRefresh(tokens.issue(GRANT).token, () => 'hash')).toBeUndefined()
  })
})

describe('keys of tokens', () => {
  test('are one a line', () =>
    expect(parseSigningKeys(`${KEY}\r\n\n  ${OTHER}\n`, 'key')).toEqual([KEY, OTHER]))

  test.each([
    ['', /key: has no key; make one by: openssl rand -hex 32/],
    [`${KEY}\nhush\n`, /key: has a key of fewer than 32 characters in line 2/],
  ])('%j are of no use', (text, message) => {
    expect(() => parseSigningKeys(text, 'key')).toThrow(message)
    expect(() => parseSigningKeys(text, 'key')).not.toThrow(/hush/)
  })
})
