import { homedir } from 'node:os'
import { describe, expect, test } from '@jest/globals'
import { makeCertificate } from '../../fixtures/certificate.ts'
import { fromFile, load, mistakesOf } from '../../fixtures/loaded-settings.ts'

async function textsOf(loading: ReturnType<typeof load>, name: string): Promise<readonly string[]> {
  return (await loading).inForce.find((one) => one.name === name)?.texts ?? []
}

test('the default is Docker Hub, asked by names without a registry', async () => {
  const { config, inForce } = await load()
  expect(config.upstreams).toEqual([
    {
      name: 'docker.io',
      aliases: ['index.docker.io', 'registry-1.docker.io'],
      hosts: [
        {
          url: 'https://registry-1.docker.io',
          credentials: undefined,
          ca: undefined,
          rewrites: [],
          privateRedirects: false,
          concurrency: 32,
          rate: undefined,
        },
      ],
      allow: [],
      deny: [],
      redirectClients: false,
    },
  ])
  expect(config).toMatchObject({
    defaultUpstream: 'docker.io',
    mirrors: [],
    local: [],
    map: undefined,
    mapWait: 2_000,
    mirrorTimeout: 5_000,
    tagTtl: 10_000,
    tagStale: 365 * 24 * 3_600_000,
  })
  expect(inForce.find(({ name }) => name === 'upstream')?.texts).toEqual(['docker.io'])
  expect(Object.isFrozen(config.upstreams[0]?.hosts[0]?.rewrites)).toBe(true)
})

test('upstreams are given by flags, in the environment, and in a file', async () => {
  const texts = ['docker.io', 'ghcr.io;allow=org/**', 'hub=http://10.0.0.1:5000']
  const byFlag = load({ flags: { upstream: texts } })
  const byEnv = load({ env: { IPFS_REGISTRY_UPSTREAM: texts.join(', ') } })
  const byFile = fromFile(`
upstream:
  - docker.io
  - { name: ghcr.io, allow: [org/**] }
  - name: hub
    url: http://10.0.0.1:5000
`)
  for (const loading of [byFlag, byEnv, byFile]) {
    expect((await loading).config.upstreams).toEqual((await byFlag).config.upstreams)
    expect(await textsOf(loading, 'upstream')).toEqual(texts)
  }
})

describe('none', () => {
  test.each([
    ['upstream: none', ['none']],
    ['upstream: []', []],
  ])('%s', async (text, texts) => {
    const { config } = await fromFile(text)
    expect(config.upstreams).toEqual([])
    expect(config.defaultUpstream).toBeUndefined()
    expect(await textsOf(fromFile(text), 'upstream')).toEqual(texts)
  })
})

describe('the default upstream', () => {
  test.each([
    [['ghcr.io'], undefined, undefined],
    [['ghcr.io', 'docker.io'], undefined, 'docker.io'],
    [['hub=https://mirror.example;alias=docker.io'], undefined, 'hub'],
    [['docker.io', 'ghcr.io;alias=gh'], 'gh', 'ghcr.io'],
    [['docker.io'], 'index.docker.io', 'docker.io'],
    [['docker.io'], 'none', undefined],
    [['none'], 'none', undefined],
  ])('of %j, %s given, is %s', async (upstream, given, name) => {
    const flags = { upstream, ...(given === undefined ? {} : { 'default-upstream': given }) }
    expect((await load({ flags })).config.defaultUpstream).toBe(name)
  })
})

test('mirrors have the name of their upstream, whatever alias they were given', async () => {
  const { config } = await load({
    flags: {
      upstream: ['docker.io', 'ghcr.io'],
      mirror: ['127.0.0.1:5001=index.docker.io', '[::1]:5001 = ghcr.io', ':0=ghcr.io', ':0=docker.io'],
    },
  })
  expect(config.mirrors).toEqual([
    { address: { host: '127.0.0.1', port: 5001 }, upstream: 'docker.io' },
    { address: { host: '::1', port: 5001 }, upstream: 'ghcr.io' },
    { address: { host: '0.0.0.0', port: 0 }, upstream: 'ghcr.io' },
    { address: { host: '0.0.0.0', port: 0 }, upstream: 'docker.io' },
  ])
})

test('what is left open is filled in, for fall-backs as well', async () => {
  const { config } = await fromFile(`
upstream-concurrency: 7
upstream: { name: x.io, concurrency: 2, fallbacks: [https://y.io, { url: https://z.io, concurrency: 3 }] }
`)
  expect(config.upstreams[0]?.hosts.map(({ concurrency }) => concurrency)).toEqual([2, 7, 3])
})

describe('the mapping', () => {
  test.each([
    ['/ipns/images.example.org/map.yaml', { kind: 'ipfs', path: '/ipns/images.example.org/map.yaml' }],
    ['/ipfs/bafy/map.yaml/', { kind: 'ipfs', path: '/ipfs/bafy/map.yaml' }],
    ['/etc/map.yaml', { kind: 'file', path: '/etc/map.yaml' }],
    ['/ipfsx/map.yaml', { kind: 'file', path: '/ipfsx/map.yaml' }],
    ['file:///ipfs/map.yaml', { kind: 'file', path: '/ipfs/map.yaml' }],
  ])('%s', async (map, value) => {
    const loading = load({ flags: { map } })
    expect((await loading).config.map).toEqual(value)
    expect(await textsOf(loading, 'map')).toEqual([map.replace(/\/$/, '')])
  })

  test('a relative path is one to the working directory', async () => {
    const { config } = await load({ flags: { map: 'map.yaml' } })
    expect(config.map).toEqual({ kind: 'file', path: `${process.cwd()}/map.yaml` })
  })
})

describe('secrets', () => {
  test('in the environment are read at the start', async () => {
    const { config } = await load({
      flags: { upstream: ['x.io;username=me;password-env=P', 'y.io;identity-token-env=T'] },
      env: { P: 'hush hush\n', T: 'token' },
    })
    expect(config.upstreams.map(({ hosts }) => hosts[0]?.credentials)).toEqual([
      { kind: 'password', username: 'me', password: { kind: 'value', value: 'hush hush' } },
      { kind: 'identity-token', token: { kind: 'value', value: 'token' } },
    ])
  })

  test('in files stay there', async () => {
    const { config } = await load({
      flags: {
        upstream: [
          'x.io;username=me;password-file=/p',
          'y.io;identity-token-file=~/t',
          'z.io;docker-config=/c.json',
          'w.io;credential-helper=pass',
        ],
      },
      files: { '/p': 'hush\n', [`${homedir()}/t`]: 'token', '/c.json': '{"auths":{}}' },
    })
    expect(config.upstreams.map(({ hosts }) => hosts[0]?.credentials)).toEqual([
      { kind: 'password', username: 'me', password: { kind: 'file', path: '/p' } },
      { kind: 'identity-token', token: { kind: 'file', path: `${homedir()}/t` } },
      { kind: 'docker-config', path: '/c.json' },
      { kind: 'helper', name: 'pass' },
    ])
  })

  test.each([
    ['x.io;username=me;password-env=P', /upstream x\.io password-env P: is not set/],
    ['x.io;identity-token-env=EMPTY', /upstream x\.io identity-token-env EMPTY: is not set/],
    ['x.io;identity-token-env=LINES', /identity-token-env LINES: has more than one line/],
    [
      'x.io;username=me;password-file=/gone',
      /upstream x\.io password-file \/gone: could not be read: ENOENT/,
    ],
    ['x.io;identity-token-file=/empty', /identity-token-file \/empty: is empty/],
    ['x.io;username=me;password-file=/lines', /password-file \/lines: has more than one line/],
    ['x.io;docker-config=/gone', /docker-config \/gone: could not be read/],
    ['x.io;docker-config=/lines', /docker-config \/lines: is no JSON object/],
    ['x.io;docker-config=/list', /docker-config \/list: is no JSON object/],
    ['x.io;ca=/gone', /ca \/gone: could not be read/],
    ['x.io;ca=/lines', /ca \/lines: has no certificate in PEM/],
    ['x.io;ca=/broken.pem', /ca \/broken\.pem: has a malformed certificate/],
  ])('%s is a mistake, and shown without them', async (upstream, message) => {
    const files = {
      '/empty': '\n',
      '/lines': 'hush\nhush',
      '/list': '["hush"]',
      '/broken.pem': '-----BEGIN CERTIFICATE-----\nhush\n-----END CERTIFICATE-----',
    }
    const env = { EMPTY: '', LINES: 'hush\nhush' }
    const shown = await mistakesOf(load({ flags: { upstream: [upstream] }, env, files }))
    expect(shown).toMatch(message)
    expect(shown).not.toContain('hush')
  })
})

test('certificates are read at the start, a whole bundle of them', async () => {
  const bundle = makeCertificate('one.example').cert + makeCertificate('two.example').cert
  const { config } = await fromFile(
    'upstream: { name: x.io, fallbacks: [{ url: https://y.io, ca: /ca.pem }] }',
    {
      '/ca.pem': bundle,
    },
  )
  expect(config.upstreams[0]?.hosts.map(({ ca }) => ca)).toEqual([undefined, bundle])
})

describe('mistakes', () => {
  test.each([
    ['upstream: [x.io, x.io]', /upstream \(gateway.yaml line 1\): names "x\.io" more than once/],
    ['upstream: [x.io, y.io;alias=x.io]', /names "x\.io" more than once/],
    ['upstream: [x.io;alias=x.io]', /names "x\.io" more than once/],
    ['upstream: [docker.io, y.io;alias=index.docker.io]', /names "index\.docker\.io" more than once/],
    ['upstream: [none, x.io]', /must not be none and a registry at once/],
    [
      'default-upstream: ghcr.io',
      /default-upstream \(.*\): names "ghcr\.io", which is no upstream \(upstreams: docker\.io\)/,
    ],
    ['default-upstream: doker.io', /did you mean "docker\.io"\?/],
    ['default-upstream: Docker.io', /has the name "Docker\.io", which is neither/],
    ['upstream: none\nmirror: :1=docker.io', /names "docker\.io", which is no upstream \(upstreams: none\)/],
    ['mirror: :1=ghcr.io', /mirror \(.*\): names "ghcr\.io", which is no upstream/],
    ['mirror: docker.io', /must be HOST:PORT=NAME/],
    ['mirror: ":1"', /must be HOST:PORT=NAME/],
    ['mirror: [":1=docker.io", ":1=docker.io"]', /mirror .*must differ from .* every other mirror/],
    ['mirror: 127.0.0.1:5000=docker.io', /mirror .*must differ from listen/],
    ['mirror: 127.0.0.1:5010=docker.io', /mirror .*must differ from listen/],
    ['ipfs-gateway: ":8080"\nmirror: ":8080=docker.io"', /mirror .*must differ from listen/],
    ['ipfs-gateway: 127.0.0.1:5010', /ipfs-gateway .*must differ from listen and admin-listen/],
    ['local: Mycorp/**', /local "Mycorp\/\*\*": .*lower case/],
    ['map: /ipns/', /map "\/ipns\/": must be a file, or a path on IPFS/],
    ['map: file://host/map', /must be the URL of a file/],
    ['mirror-timeout: 10ms', /must be at least 100ms/],
    ['tag-stale: 366d', /must be at most 365d/],
    ['upstream-concurrency: 0', /must be at least 1/],
    ['upstream: [[docker.io]]', /line 1 upstream: must be a single value/],
    ['upstream: [{ url: https://x.io }]', /needs a "name"/],
  ])('%s', async (text, message) => expect(await mistakesOf(fromFile(text))).toMatch(message))

  test('a wrong upstream is one, not also a missing one', async () => {
    const message = await mistakesOf(
      fromFile('upstream: ghcr.io;cahce=1\ndefault-upstream: ghcr.io\nmirror: :1=ghcr.io'),
    )
    expect(message).toMatch(/^a setting is wrong:\n.*unknown option "cahce"/)
  })

  test('show no secret', async () => {
    const upstream = [
      'x.io=https://me:hush@x.io?a',
      'https://me:hush@x.io',
      'x.io;username=me;password=hush;hush',
      'x.io;username=me;password=hush;username=you',
      'x.io;identity-token=hush;rate=0',
      'x.io;alias=https://me:hush@x.io',
      'x.io;fallback=https://me:hush@y.io?a',
    ]
    const message = await mistakesOf(load({ flags: { upstream } }))
    expect(message).toMatch(/^7 settings are wrong/)
    expect(message).not.toContain('hush')
  })
})
