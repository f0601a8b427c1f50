import { equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { readAuthorization } from '../../../src/auth/credentials.ts'
import { formatScope, parseScopes } from '../../../src/auth/scope.ts'
import { openToken, signToken } from '../../../src/auth/signed-token.ts'
import { newSigningKeys } from '../../../src/auth/signing-keys.ts'
import { formatChallenge } from '../../../src/auth/challenge.ts'
import { noneMatch, rangeAllowed } from '../../../src/http/conditions.ts'
import { gatewaysIn, newGatewayName } from '../../../src/http/via.ts'
import { chooseFormat, contentTypeOf } from '../../../src/trustless/format.ts'
import { challengeIn } from '../../../src/upstream/auth/challenge.ts'
import { nextPageIn } from '../../../src/upstream/pages.ts'
import { nameText } from '../inputs/names.ts'
import { hostile, nearly, textOf } from '../inputs/text.ts'
import { law } from '../law.ts'
import { pureTarget } from '../target.ts'
import { attempt, refused } from '../verdict.ts'

const keys = newSigningKeys()
const token = signToken('access', { exp: 4e9 }, keys)
const own = newGatewayName()
const quoted = fc.string({ maxLength: 12 })
/** As long as a header may be. */
const long = fc
  .tuple(
    fc.constantFrom(' ', '\t', '"', '<', ';', ',', '=', 'a', '\\', '-', '(', '.'),
    fc.constantFrom('', 'a', '=', '" ', 'Basic '),
  )
  .map(([piece, start]) => start + piece.repeat(60_000))
const line = fc.oneof(
  {
    weight: 30,
    arbitrary: textOf(
      [
        'Bearer',
        'Basic',
        ' ',
        ',',
        '=',
        '"',
        '\\',
        'realm',
        'service',
        'https://a/token',
        'abc==',
        'realm="https://t/"',
        ';',
        '\t',
      ],
      12,
    ),
  },
  { weight: 1, arbitrary: long },
)

/** Headers of clients and of others' answers. */
export const headers = pureTarget('headers', 1500, [
  law('a password that was sent is the one that is read', fc.tuple(quoted, quoted), ([user, password]) => {
    const header = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    const shown = readAuthorization(header)
    if (user === '' || user.includes(':') || `${user}${password}`.includes('\0')) return
    ok(shown.kind === 'password')
    equal(JSON.stringify([shown.user, shown.password]), JSON.stringify([user, password]))
  }),
  law('any Authorization header shows something, or nothing that can be read', line, (header) => {
    const shown = readAuthorization(header)
    if (shown.kind === 'password')
      ok(shown.user !== '' && !shown.user.includes(':') && !shown.password.includes('\0'))
    if (shown.kind === 'token') ok(/^\S+$/.test(shown.token))
  }),
  law(
    'no token is good but one that was signed here',
    fc.oneof(
      nearly(token),
      textOf(
        token.split('.').flatMap((part) => [part, '.']),
        6,
      ),
    ),
    (text) => {
      const claims = openToken('access', text, keys)
      equal(claims !== undefined, text === token)
      equal(openToken('refresh', text, keys), undefined)
    },
  ),
  law(
    'a scope is read as it is written',
    fc.array(
      textOf(
        [
          'repository',
          'registry',
          ':',
          'catalog',
          '*',
          'pull',
          'push',
          ',',
          ' ',
          '(plugin)',
          'a/b',
          'host:5000/',
        ],
        8,
      ),
      { maxLength: 3 },
    ),
    (texts) => {
      const scopes = parseScopes(texts)
      ok(scopes.length <= 32)
      equal(
        parseScopes(scopes.map(formatScope)).map(formatScope).join(' '),
        scopes.map(formatScope).join(' '),
      )
    },
  ),
  law(
    'our own challenge is one that we can meet',
    fc.tuple(nameText, fc.option(hostile, { nil: undefined })),
    ([name, namespace]) => {
      if (namespace !== undefined && Buffer.from(namespace).toString() !== namespace) return
      const scope = { type: 'repository', name, actions: ['pull'] }
      const challenge = challengeIn(
        formatChallenge({ origin: 'https://registry.test', service: 'registry.test', scope, namespace }),
      )
      ok(challenge?.scheme === 'bearer')
      equal(new URL(challenge.realm).searchParams.get('ns') ?? undefined, namespace)
    },
  ),
  law(
    'a challenge is read as it is written',
    fc.tuple(
      quoted,
      quoted,
      fc.constantFrom('', 'Basic realm="x", ', 'Negotiate, ', 'Digest a="Bearer realm=", '),
    ),
    ([realm, service, before]) => {
      const inQuotes = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`
      if (realm === '' || /[^\x20-\x7e]/.test(realm + service)) return
      const challenge = challengeIn(`${before}Bearer realm=${inQuotes(realm)},service=${inQuotes(service)}`)
      ok(challenge?.scheme === 'bearer')
      equal(JSON.stringify([challenge.realm, challenge.service]), JSON.stringify([realm, service]))
    },
  ),
  law('any challenge is one to meet or none', fc.array(line, { maxLength: 3 }), (lines) => {
    const challenge = challengeIn(lines)
    if (challenge?.scheme === 'bearer') ok(challenge.realm !== '')
  }),
  law(
    'a next page is a query, wherever it leads',
    fc.oneof(
      textOf(
        [
          '<',
          '>',
          '/v2/a/tags/list?',
          'n=5',
          '&last=x',
          ';',
          ' rel=',
          '"next"',
          'next',
          ',',
          'http://evil/',
          '?',
        ],
        10,
      ),
      long,
    ),
    (text) => {
      const next = nextPageIn(text)
      if (next !== undefined) ok(next.size > 0 && /^[\x21-\x7e]*$/.test(next.toString()))
    },
    { kept: ['<'.repeat(60_000)] },
  ),
  law(
    'of a Via header no more is passed on than names of gateways',
    fc.array(fc.oneof(fc.constant(own), hostile, fc.constantFrom('1.1 proxy', 'ipfs-registry-')), {
      maxLength: 24,
    }),
    (parts) => {
      const found = gatewaysIn(parts.join(', '))
      ok(found.length <= 16)
      ok(found.every((name) => /^ipfs-registry-[0-9a-f-]{36}$/.test(name)))
      if (parts.slice(-8).includes(own)) ok(found.includes(own))
    },
  ),
  law(
    'an Accept header leads to a format, or a refusal',
    fc.tuple(
      textOf(
        [
          'application/vnd.ipld.',
          'raw',
          'car',
          '*/*',
          ';',
          'version=1',
          'order=dfs',
          'dups=y',
          'q=',
          '0.5',
          ',',
          ' ',
          '"',
        ],
        10,
      ),
      fc.option(textOf(['raw', 'car', 'ipns-record', 'tar'], 1)),
    ),
    ([accept, format]) => {
      const query = new URLSearchParams(format === null ? {} : { format })
      const chosen = attempt(() => chooseFormat(query, accept), 'REQUEST_INVALID', 'NOT_ACCEPTABLE')
      if (!refused(chosen)) ok(/^application\/vnd\.ip/.test(contentTypeOf(chosen)))
    },
  ),
  law(
    'a condition holds for the tag that it names',
    fc.tuple(textOf(['"', 'W/', ',', ' ', 'sha256:ab', '*', 'x'], 8), fc.constantFrom('sha256:ab', 'x')),
    ([header, tag]) => {
      ok(noneMatch(`${header}, "${tag}"`, tag))
      if (noneMatch(header, tag)) ok(header.includes(tag) || header.includes('*'))
      equal(rangeAllowed(header, tag), header.trim() === `"${tag}"`)
    },
  ),
])
