import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import type { IncomingMessage } from 'node:http'
import { formatChallenge } from '../../../src/auth/challenge.ts'
import { Clients } from '../../../src/auth/client.ts'
import { readAuthorization } from '../../../src/auth/credentials.ts'
import { formatScope, parseScopes } from '../../../src/auth/scope.ts'
import { isTokenRequest } from '../../../src/auth/token-endpoint.ts'

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

describe('an Authorization header', () => {
  test.each([
    [undefined, { kind: 'nothing' }],
    ['Bearer a.b.c', { kind: 'token', token: 'a.b.c' }],
    ['bearer  abc ', { kind: 'token', token: 'abc' }],
    [basic('me:pa:ss'), { kind: 'password', user: 'me', password: 'pa:ss' }],
    [basic('mé:ü€'), { kind: 'password', user: 'mé', password: 'ü€' }],
    [basic('me:'), { kind: 'password', user: 'me', password: '' }],
    [basic(':pass'), { kind: 'unreadable' }],
    [basic('me'), { kind: 'unreadable' }],
    [basic('me:pass\0word'), { kind: 'unreadable' }],
    ['', { kind: 'unreadable' }],
    ['Bearer', { kind: 'unreadable' }],
    ['Bearer a b', { kind: 'unreadable' }],
    ['Digest abc', { kind: 'unreadable' }],
  ])('%j', (header, shown) => expect(readAuthorization(header)).toEqual(shown))
})

describe('scopes', () => {
  test.each([
    [['repository:a/b:pull,push'], ['repository:a/b:pull,push']],
    [
      ['repository:a:pull repository:b:pull', 'repository:c:*'],
      ['repository:a:pull', 'repository:b:pull', 'repository:c:*'],
    ],
    [['repository:a:pull', 'repository:a:pull,push'], ['repository:a:pull,push']],
    [['repository:host:5000/a:pull'], ['repository:host:5000/a:pull']],
    [['repository(plugin):a:pull'], ['repository:a:pull']],
    [['registry:catalog:*'], ['registry:catalog:*']],
    [['', 'x', 'repository:a', 'repository::pull', ':a:pull', `repository:${'a'.repeat(1025)}:pull`], []],
  ])('%j', (parameters, scopes) => expect(parseScopes(parameters).map(formatScope)).toEqual(scopes))

  test('are so many that a token with them fits into a header', () => {
    const many = Array.from({ length: 1000 }, (_, n) => `repository:a${n}:pull`)
    expect(parseScopes([many.join(' ')])).toHaveLength(32)
  })

  test('that are asked for over and over take no more time than their number', async () => {
    const many = Array.from({ length: 40_000 }, (_, n) => `repository:a:${n}`)
    expect(parseScopes([many.join(' ')]).map(({ actions }) => actions.length)).toEqual([many.length])
    // Gives the runner's time-out its turn, where this thread has been busy for minutes.
    await sleep(0)
  })
})

describe('a challenge', () => {
  const challenge = { origin: 'https://h:5000', service: 'gw', scope: undefined, namespace: undefined }

  test.each([
    [{}, 'Bearer realm="https://h:5000/v2/token",service="gw"'],
    [
      {
        scope: { type: 'repository', name: 'a/b', actions: ['pull', 'push'] },
        error: 'invalid_token' as const,
      },
      'Bearer realm="https://h:5000/v2/token",service="gw",scope="repository:a/b:pull,push",error="invalid_token"',
    ],
    [{ namespace: 'ghcr.io:443' }, 'Bearer realm="https://h:5000/v2/token?ns=ghcr.io%3A443",service="gw"'],
    [
      { scope: { type: 'repository', name: 'a",x="', actions: ['pull'] } },
      'Bearer realm="https://h:5000/v2/token",service="gw"',
    ],
  ])('%j', (more, text) => expect(formatChallenge({ ...challenge, ...more })).toBe(text))
})

test.each([
  ['/v2/token', true],
  ['/v2/token?scope=x', true],
  ['/v2/token/', false],
  ['/v2/tokens', false],
  ['/v2/token/manifests/1', false],
])('%s is the token endpoint: %s', (target, is) => expect(isTokenRequest(target)).toBe(is))

describe('a client', () => {
  const request = (remoteAddress: string, headers: Record<string, string>, encrypted?: boolean) =>
    ({ socket: { remoteAddress, localPort: 5000, encrypted }, headers }) as unknown as IncomingMessage
  const proxies = [
    { address: '10.0.0.0', family: 'ipv4', prefix: 8 },
    { address: 'fd00::', family: 'ipv6', prefix: 8 },
  ] as const
  const clients = new Clients(proxies, undefined)

  test.each([
    ['192.0.2.1', undefined, '192.0.2.1'],
    ['192.0.2.1', '8.8.8.8', '192.0.2.1'],
    ['::ffff:192.0.2.1', undefined, '192.0.2.1'],
    ['fe80::1%eth0', undefined, 'fe80::1'],
    ['10.0.0.1', undefined, '10.0.0.1'],
    ['10.0.0.1', '8.8.8.8', '8.8.8.8'],
    ['::ffff:10.0.0.1', '8.8.8.8', '8.8.8.8'],
    ['10.0.0.1', '6.6.6.6, 8.8.8.8, 10.1.1.1', '8.8.8.8'],
    ['10.0.0.1', '8.8.8.8, unknown', '8.8.8.8'],
    ['10.0.0.1', '10.9.9.9', '10.0.0.1'],
    ['fd00::1', '2001:db8::1', '2001:db8::1'],
  ])('at %s for %s is %s', (remote, forwarded, address) => {
    const headers: Record<string, string> = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
    expect(clients.addressOf(request(remote, headers))).toBe(address)
  })

  test.each([
    ['192.0.2.1', { host: 'r.lan:5000' }, false, 'http://r.lan:5000'],
    ['192.0.2.1', { host: 'r.lan:5000' }, true, 'https://r.lan:5000'],
    ['192.0.2.1', { host: 'r.lan', 'x-forwarded-proto': 'https' }, false, 'http://r.lan'],
    ['10.0.0.1', { host: 'r.lan', 'x-forwarded-proto': 'https' }, false, 'https://r.lan'],
    ['10.0.0.1', { host: 'r.lan', 'x-forwarded-proto': 'https, http' }, false, 'https://r.lan'],
    ['10.0.0.1', { host: '[::1]:5000', 'x-forwarded-proto': 'http' }, false, 'http://[::1]:5000'],
    ['192.0.2.1', {}, false, 'http://127.0.0.1:5000'],
  ])('at %s with %j, encrypted %s, has come to %s', (remote, headers, encrypted, origin) => {
    expect(clients.originOf(request(remote, headers as never, encrypted))).toBe(origin)
    expect(new Clients(proxies, 'https://p.example').originOf(request(remote, headers as never))).toBe(
      'https://p.example',
    )
  })

  test.each(['a"b', 'a b', 'a/b', ''])('a Host %j is none', (host) => {
    expect(() => clients.originOf(request('192.0.2.1', { host }))).toThrow(/Host/)
  })
})
