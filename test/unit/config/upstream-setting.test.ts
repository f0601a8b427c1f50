import { describe, expect, test } from '@jest/globals'
import { formatUpstream } from '../../../src/config/format-upstream.ts'
import { parseUpstream, parseUpstreamObject } from '../../../src/config/parse-upstream.ts'
import type { UpstreamSetting } from '../../../src/config/upstream-setting.ts'

function parse(text: string): UpstreamSetting {
  const upstream = parseUpstream(text)
  if (upstream === 'none') throw new Error('an upstream expected')
  return upstream
}

const credentialsOf = (text: string) => parse(text).hosts[0]?.credentials

describe('upstreams as text', () => {
  test('a name alone is the host of the registry', () => {
    expect(parse('ghcr.io')).toEqual({
      name: 'ghcr.io',
      aliases: [],
      hosts: [
        {
          url: 'https://ghcr.io',
          credentials: undefined,
          caFile: undefined,
          rewrites: [],
          privateRedirects: false,
          concurrency: undefined,
          rate: undefined,
        },
      ],
      allow: [],
      deny: [],
      redirectClients: false,
    })
  })

  test.each([
    ['registry.example:5000', 'registry.example:5000', 'https://registry.example:5000'],
    ['localhost:5001=http://127.0.0.1:5001', 'localhost:5001', 'http://127.0.0.1:5001'],
    ['localhost', 'localhost', 'https://localhost'],
    ['10.0.0.1:5000', '10.0.0.1:5000', 'https://10.0.0.1:5000'],
    ['hub=https://mirror.example/docker/', 'hub', 'https://mirror.example/docker'],
    ['docker.io = https://mirror.example', 'docker.io', 'https://mirror.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example', 'https://xn--bcher-kva.example'],
  ])('%s', (text, name, url) => {
    expect(parse(text)).toMatchObject({ name, hosts: [{ url }] })
  })

  test('docker.io is known, wherever it is fetched from', () => {
    const known = ['index.docker.io', 'registry-1.docker.io']
    expect(parse('docker.io')).toMatchObject({
      aliases: known,
      hosts: [{ url: 'https://registry-1.docker.io' }],
    })
    expect(parse('docker.io=https://mirror.example').aliases).toEqual(known)
    expect(parse('docker.io;alias=hub;alias=index.docker.io').aliases).toEqual([...known, 'hub'])
  })

  test('takes options after semicolons, some of them again and again', () => {
    expect(
      parse(
        'quay.io=https://quay.example/q;alias=q;alias=quay.example:5000;fallback=https://quay.io;' +
          'fallback=http://10.0.0.1:5000/prefix;username=me;password-file=/run/password;ca=/etc/ca.pem;' +
          'rewrite=library/*>hub/library/$1;rewrite=**>all/$1;allow=org/**;allow=coreos/etcd;deny=org/*-secret;' +
          'concurrency=8;rate=2.5/s;redirect-clients=true;private-redirects=true',
      ),
    ).toEqual({
      name: 'quay.io',
      aliases: ['q', 'quay.example:5000'],
      hosts: [
        {
          url: 'https://quay.example/q',
          credentials: {
            kind: 'password',
            username: 'me',
            password: { kind: 'file', path: '/run/password' },
          },
          caFile: '/etc/ca.pem',
          rewrites: [
            { from: 'library/*', to: 'hub/library/$1' },
            { from: '**', to: 'all/$1' },
          ],
          privateRedirects: true,
          concurrency: 8,
          rate: 2.5,
        },
        bareHost('https://quay.io'),
        bareHost('http://10.0.0.1:5000/prefix'),
      ],
      allow: ['org/**', 'coreos/etcd'],
      deny: ['org/*-secret'],
      redirectClients: true,
    })
  })

  test('none is no upstream', () => expect(parseUpstream('none')).toBe('none'))
})

/** A fall-back of which only the URL is given: nothing of the host before it is its own. */
function bareHost(url: string) {
  return {
    url,
    credentials: undefined,
    caFile: undefined,
    rewrites: [],
    privateRedirects: false,
    concurrency: undefined,
    rate: undefined,
  }
}

describe('credentials', () => {
  test.each([
    [
      'username=me;password=p=1',
      { kind: 'password', username: 'me', password: { kind: 'value', value: 'p=1' } },
    ],
    [
      'username=me;password-env=HUB_PASSWORD',
      { kind: 'password', username: 'me', password: { kind: 'environment', name: 'HUB_PASSWORD' } },
    ],
    ['identity-token=abc', { kind: 'identity-token', token: { kind: 'value', value: 'abc' } }],
    ['identity-token-file=/t', { kind: 'identity-token', token: { kind: 'file', path: '/t' } }],
    ['identity-token-env=T', { kind: 'identity-token', token: { kind: 'environment', name: 'T' } }],
    ['docker-config=/root/.docker/config.json', { kind: 'docker-config', path: '/root/.docker/config.json' }],
    ['credential-helper=ecr-login', { kind: 'helper', name: 'ecr-login' }],
  ])('%s', (options, credentials) => expect(credentialsOf(`ghcr.io;${options}`)).toEqual(credentials))

  test('in the address leave it, percent-decoded', () => {
    const { hosts } = parse('ghcr.io=https://me:p%40ss@ghcr.io;fallback=https://you:100%@other.example')
    expect(hosts).toMatchObject([
      {
        url: 'https://ghcr.io',
        credentials: { username: 'me', password: { kind: 'value', value: 'p@ss' } },
      },
      {
        url: 'https://other.example',
        credentials: { username: 'you', password: { kind: 'value', value: '100%' } },
      },
    ])
  })
})

describe('upstreams as objects', () => {
  test('say of a fall-back what they say of the registry itself', () => {
    expect(
      parseUpstreamObject({
        name: 'docker.io',
        url: 'https://mirror.example',
        aliases: ['hub'],
        username: 'me',
        'password-env': 'P',
        rewrites: [{ from: 'library/*', to: 'hub/library/$1' }, '*/*>$2/$1'],
        allow: ['library/*'],
        deny: 'library/secret',
        'redirect-clients': true,
        concurrency: 4,
        ca: null,
        fallbacks: [
          'https://registry-1.docker.io',
          {
            url: 'https://other.example/p',
            username: 'you',
            password: 'hush',
            ca: '/ca.pem',
            rewrites: '*>o/$1',
            'private-redirects': true,
            concurrency: 2,
            rate: 0.5,
          },
        ],
      }),
    ).toEqual({
      name: 'docker.io',
      aliases: ['index.docker.io', 'registry-1.docker.io', 'hub'],
      hosts: [
        {
          ...bareHost('https://mirror.example'),
          credentials: {
            kind: 'password',
            username: 'me',
            password: { kind: 'environment', name: 'P' },
          },
          rewrites: [
            { from: 'library/*', to: 'hub/library/$1' },
            { from: '*/*', to: '$2/$1' },
          ],
          concurrency: 4,
        },
        bareHost('https://registry-1.docker.io'),
        {
          url: 'https://other.example/p',
          credentials: { kind: 'password', username: 'you', password: { kind: 'value', value: 'hush' } },
          caFile: '/ca.pem',
          rewrites: [{ from: '*', to: 'o/$1' }],
          privateRedirects: true,
          concurrency: 2,
          rate: 0.5,
        },
      ],
      allow: ['library/*'],
      deny: ['library/secret'],
      redirectClients: true,
    })
  })

  test.each([
    [{ url: 'https://x.example' }, /needs a "name"/],
    [{ name: 5000 }, /needs a "name"/],
    [{ name: 'x.io', alias: 'y' }, /unknown option "alias"; did you mean "aliases"\?/],
    [{ name: 'x.io', aliases: [1] }, /something in "aliases" that is no text/],
    [{ name: 'x.io', allow: { a: 1 } }, /something in "allow" that is no text/],
    [{ name: 'x.io', username: 'me', password: 123 }, /empty or malformed "password"/],
    [{ name: 'x.io', fallbacks: [{ username: 'me' }] }, /a fall-back that .*needs a "url"/],
    [{ name: 'x.io', fallbacks: [7] }, /a fall-back that is neither a URL nor an object/],
    [
      { name: 'x.io', fallbacks: [{ url: 'https://y', allow: 'a' }] },
      /a fall-back that has the unknown option "allow"/,
    ],
    [{ name: 'x.io', fallbacks: [{ url: 'https://y?z=1' }] }, /a fall-back that has an address with a query/],
    [{ name: 'x.io', rewrites: [{ from: 'a' }] }, /rewrite that is not \{ from, to \}/],
    [{ name: 'x.io', rewrites: [{ from: 'a', to: 'b', too: 'c' }] }, /rewrite that is not \{ from, to \}/],
    [{ name: 'x.io', rewrites: [null] }, /rewrite that is not \{ from, to \}/],
    [{ name: 'x.io', rate: true }, /rate/],
  ])('%j is refused', (object, message) => expect(() => parseUpstreamObject(object)).toThrow(message))
})

describe('mistakes', () => {
  test.each([
    ['', /needs a "name"/],
    ['Docker.io', /neither a host/],
    ['https://ghcr.io', /neither a host/],
    ['ghcr.io/org', /neither a host/],
    ['ghcr.io:99999', /neither a host/],
    ['ghcr.io:0', /neither a host/],
    ['-x.io', /neither a host/],
    ['a b.io', /neither a host/],
    ['[::1]:5000=https://x.io', /neither a host/],
    ['ipfs=https://x.io', /means something else/],
    ['x.io;alias=none', /means something else/],
    ['none;rate=1', /means something else/],
    ['registry-1.docker.io', /is docker\.io by another name/],
    ['hub', /needs an address: hub=https:\/\/host/],
    ['x.io=', /empty or malformed "url"/],
    ['x.io=x.io', /no http/],
    ['x.io=ftp://x.io', /no http/],
    ['x.io=https://x.io?a=1', /query/],
    ['x.io=https://x.io#a', /fragment/],
    ['x.io=https://x.io/v2/', /ends in \/v2/],
    ['x.io=https://x.io;url=https://y.io', /"url" twice/],
    ['x.io;rate=1;rate=2', /"rate" twice/],
    ['x.io;aliases=y', /unknown option "aliases"; did you mean "alias"\?/],
    ['x.io;cahce=1', /unknown option "cahce"/],
    ['x.io;ca', /"ca" without a value/],
    ['x.io;alias=Y', /neither a host/],
    ['x.io;fallback=y.io', /a fall-back that has an address that is no http/],
    ['x.io;username=me', /a username without a password/],
    ['x.io=https://token@x.io', /a username without a password/],
    ['x.io;password=p', /a password without a username/],
    ['x.io;username=a:b;password=p', /username with a colon/],
    ['x.io;username=me;password=a\tb', /password with unprintable/],
    ['x.io;username=me;password=p;password-file=/p', /both a password and a password-file/],
    ['x.io;identity-token=a b', /identity-token with spaces/],
    ['x.io;username=me;password-env=A-B', /password-env that is no name of a variable/],
    ['x.io;credential-helper=../evil', /credential-helper that is not the NAME/],
    ['x.io;username=me;password=p;identity-token=t', /several credentials: password, identity-token/],
    ['x.io;docker-config=/c;credential-helper=pass', /several credentials: docker-config, credential-helper/],
    ['x.io=https://me:p@x.io;username=me', /several credentials: one in its address/],
    ['x.io;concurrency=0', /concurrency that is no whole number/],
    ['x.io;rate=0', /rate that is no number/],
    ['x.io;rate=-1', /rate that is no number/],
    ['x.io;rate=5/m', /rate that is no number/],
    ['x.io;redirect-clients=perhaps', /neither true nor false/],
    ['x.io;private-redirects=1', /neither true nor false/],
    ['x.io;rewrite=a', /not FROM>TO/],
    ['x.io;rewrite=a>b>c', /not FROM>TO/],
  ])('%s', (text, message) => expect(() => parseUpstream(text)).toThrow(message))

  test('what follows a secret is not shown: it may be the rest of it', () => {
    expect(() => parseUpstream('x.io;username=me;password=a;hush')).toThrow(
      /^has an option without a value; a secret with a semicolon belongs into a file$/,
    )
  })
})

describe('what is shown of an upstream', () => {
  test.each([
    'docker.io',
    'ghcr.io;alias=gh',
    'hub=https://mirror.example/p;alias=h;fallback=https://a.example;fallback=http://10.0.0.1:5000',
    'x.io;username=me;password-file=/p;ca=/ca.pem;rewrite=a/*>b/$1;concurrency=8;rate=2.5;private-redirects=true',
    'x.io;identity-token-env=T;allow=a/**;allow=b;deny=a/c;redirect-clients=true',
    'x.io;username=me;password-env=P',
    'x.io;identity-token-file=/t',
    'x.io;docker-config=/c.json',
    'x.io;credential-helper=pass',
  ])('%s is itself', (text) => expect(formatUpstream(parse(text))).toBe(text))

  test('holds no secret', () => {
    expect(formatUpstream(parse('x.io=https://me:hush@x.io;fallback=https://you:hush@y.io'))).toBe(
      'x.io;fallback=https://y.io (username=you;password=***);username=me;password=***',
    )
    expect(formatUpstream(parse('x.io;identity-token=hush'))).toBe('x.io;identity-token=***')
  })
})
