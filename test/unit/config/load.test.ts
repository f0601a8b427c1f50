import { describe, expect, test } from '@jest/globals'
import { formatOrigin } from '../../../src/config/config.ts'
import {
  environmentVariableOf,
  flagOf,
  propertyOf,
  SETTING_NAMES,
  SETTINGS,
} from '../../../src/config/settings.ts'
import { FILE, fromFile, load, mistakesOf } from '../../fixtures/loaded-settings.ts'

describe('defaults', () => {
  test('are sound, and need no environment', async () => {
    const { config, inForce } = await load()
    expect(config.listen).toEqual({ host: '127.0.0.1', port: 5000 })
    expect(config.adminListen).toEqual({ host: '127.0.0.1', port: 5010 })
    expect(config.store).toEqual({ kind: 'disk', path: '/home/me/.local/share/ipfs-registry' })
    expect(config.cacheSize).toBe(20 * 2 ** 30)
    expect(config.answerTimeout).toBe(25_000)
    expect(
      config.sources.map(({ kind, optional, concurrency }) => ({ kind, optional, concurrency })),
    ).toEqual([
      { kind: 'embedded', optional: false, concurrency: 64 },
      { kind: 'kubo', optional: true, concurrency: 64 },
    ])
    expect(config.public).toBe(false)
    expect(config.allow).toEqual([])
    expect(config.tlsCert).toBeUndefined()
    expect(config.proxy).toBeUndefined()
    expect(config.kuboRepository).toBe('/home/me/.ipfs')
    expect(inForce.map(({ name }) => name)).toEqual(SETTING_NAMES)
    expect(inForce.every(({ origin }) => origin.kind === 'default')).toBe(true)
  })

  test('follow XDG_DATA_HOME and IPFS_PATH', async () => {
    const { config } = await load({ env: { XDG_DATA_HOME: '/data', IPFS_PATH: '/kubo' } })
    expect(config.store).toEqual({ kind: 'disk', path: '/data/ipfs-registry' })
    expect(config.kuboRepository).toBe('/kubo')
    const relative = await load({ env: { XDG_DATA_HOME: 'data' } })
    expect(relative.config.store).toEqual({ kind: 'disk', path: '/home/me/.local/share/ipfs-registry' })
  })

  test('cannot be changed by whoever holds them', async () => {
    const { config } = await load()
    expect(Object.isFrozen(config)).toBe(true)
    expect(Object.isFrozen(config.listen)).toBe(true)
    expect(Object.isFrozen(config.sources)).toBe(true)
    expect(config.sources.every((source) => Object.isFrozen(source) && Object.isFrozen(source.headers))).toBe(
      true,
    )
  })
})

describe('precedence', () => {
  const value = { flag: '1GiB', env: '2GiB', file: '3GiB' }
  const input = {
    flags: { 'cache-size': value.flag },
    env: { IPFS_REGISTRY_CACHE_SIZE: value.env },
    file: FILE,
    files: { [FILE]: `\ncache-size: ${value.file}\n` },
  }

  test.each([
    ['flag', input, 1, '--cache-size'],
    ['environment', { ...input, flags: {} }, 2, 'IPFS_REGISTRY_CACHE_SIZE'],
    ['file', { ...input, flags: {}, env: {} }, 3, 'gateway.yaml line 2'],
    ['default', {}, 20, 'default'],
  ])('%s', async (_, given, gibibytes, origin) => {
    const { config, inForce } = await load(given)
    expect(config.cacheSize).toBe(gibibytes * 2 ** 30)
    const setting = inForce.find(({ name }) => name === 'cache-size')
    expect(setting && formatOrigin(setting.origin)).toBe(origin)
    expect(setting?.texts).toEqual([`${gibibytes}GiB`])
  })

  test('names of this gateway are compared as clients and browsers send them', async () => {
    const { config } = await fromFile('push-host: [Registry.Example.org, "[FD00::1]", 192.168.0.7]')
    expect(config.pushHost).toEqual(['registry.example.org', 'fd00::1', '192.168.0.7'])
  })

  test('an empty variable, and a key without value, are not set', async () => {
    const { config } = await load({
      env: { IPFS_REGISTRY_LISTEN: '', IPFS_REGISTRY_SOURCE: '' },
      file: FILE,
      files: { [FILE]: 'listen:\nallow:\n' },
    })
    expect(config.listen.port).toBe(5000)
    expect(config.sources).toHaveLength(2)
  })

  test('a false flag wins over a true variable', async () => {
    const { config } = await load({ flags: { public: false }, env: { IPFS_REGISTRY_PUBLIC: 'true' } })
    expect(config.public).toBe(false)
  })

  test('the flag names the file rather than the environment', async () => {
    const files = { 'a.yaml': 'max-requests: 1', 'b.yaml': 'max-requests: 2' }
    const env = { IPFS_REGISTRY_CONFIG: 'b.yaml' }
    expect((await load({ files, env })).config.maxRequests).toBe(2)
    expect((await load({ files, env, file: 'a.yaml' })).config.maxRequests).toBe(1)
  })
})

describe('spellings', () => {
  test('come from the one name', () => {
    expect(flagOf('cache-size')).toBe('--cache-size')
    expect(environmentVariableOf('cache-size')).toBe('IPFS_REGISTRY_CACHE_SIZE')
    expect(propertyOf('cache-size')).toBe('cacheSize')
  })

  test('repeatable settings are lists everywhere', async () => {
    const globs = ['/ipfs/*/alpine', '/ipns/x/**']
    const byFlag = await load({ flags: { allow: globs } })
    const byEnv = await load({ env: { IPFS_REGISTRY_ALLOW: ' /ipfs/*/alpine , /ipns/x/**,' } })
    const byFile = await fromFile('allow: ["/ipfs/*/alpine", "/ipns/x/**"]')
    for (const { config } of [byFlag, byEnv, byFile]) expect(config.allow).toEqual(globs)
    expect((await fromFile('allow: /ipns/x/**')).config.allow).toEqual(['/ipns/x/**'])
  })

  test('YAML numbers and booleans are taken for what they spell', async () => {
    const { config } = await fromFile('max-requests: 7\ncache-size: 1048576\npublic: yes\nsample: true')
    expect(config).toMatchObject({ maxRequests: 7, cacheSize: 1_048_576, public: true, sample: true })
  })

  test('admin-listen can be off, the store in memory', async () => {
    const { config } = await load({ flags: { 'admin-listen': 'off', store: 'memory' } })
    expect(config.adminListen).toBeUndefined()
    expect(config.store).toEqual({ kind: 'memory' })
  })

  test('every row has one line of help', () => {
    for (const row of Object.values(SETTINGS)) expect(row.help).toMatch(/^[^\n]{10,120}$/)
  })
})

describe('sources', () => {
  test('keep their order; options of YAML objects are taken', async () => {
    const { config } = await fromFile(`
source:
  - gateway=https://one
  - { kind: trusted-gateway, url: https://two, headers: { X-Key: k }, concurrency: 3, cache: false }
  - embedded
`)
    expect(config.sources.map(({ kind, url }) => url ?? kind)).toEqual([
      'https://one',
      'https://two',
      'embedded',
    ])
    expect(config.sources[1]).toMatchObject({ headers: { 'x-key': 'k' }, concurrency: 3, cache: false })
  })

  test('--public adds public gateways at the end, none of them twice', async () => {
    const { config } = await load({
      flags: { public: true, source: ['gateway=https://ipfs.io', 'embedded'] },
    })
    expect(config.sources.map(({ kind, url }) => url ?? kind)).toEqual([
      'https://ipfs.io',
      'embedded',
      'https://trustless-gateway.link',
    ])
  })

  test('a token file is read', async () => {
    const source = ['gateway=https://h;token-file=/run/token']
    const { config } = await load({ flags: { source }, files: { '/run/token': 's3cret\n' } })
    expect(config.sources[0]?.headers).toEqual({ authorization: 'Bearer s3cret' })
    expect(await mistakesOf(load({ flags: { source } }))).toMatch(/token-file \/run\/token: ENOENT/)
    expect(await mistakesOf(load({ flags: { source }, files: { '/run/token': '\n' } }))).toMatch(/token/)
  })
})

describe('mistakes', () => {
  test('are listed all at once, each with its place and what is allowed', async () => {
    const message = await mistakesOf(
      load({
        flags: { listen: 'foo' },
        env: { IPFS_REGISTRY_CACHE_SIZE: '20 potatoes', IPFS_REGISTRY_LISSTEN: 'x' },
        file: FILE,
        files: {
          [FILE]: 'log-level: loud\nanswer-timeout: 25\nsorce: embedded\nlisten: [a, b]\ntls-key: /k.pem\n',
        },
      }),
    )
    expect(message.split('\n')).toEqual([
      '8 settings are wrong:',
      '  IPFS_REGISTRY_LISSTEN: there is no such setting; did you mean "IPFS_REGISTRY_LISTEN"?',
      '  gateway.yaml line 3 "sorce": there is no such setting; did you mean "source"?',
      '  gateway.yaml line 4 "listen": must be a single value, not a list',
      '  --listen "foo": must be HOST:PORT, as 127.0.0.1:5000 or [::1]:5000',
      '  IPFS_REGISTRY_CACHE_SIZE "20 potatoes": must be a size, as 64MiB, 20GB, 1048576',
      '  gateway.yaml line 2 answer-timeout "25": must be a duration with a unit, as 500ms, 25s, 10m, 2h, 7d',
      '  gateway.yaml line 1 log-level "loud": must be one of error, warn, info, debug',
      '  tls-key (gateway.yaml line 5): needs tls-cert as well',
    ])
  })

  test.each([
    ['ipns-ttl-min: 2h', /ipns-ttl-min .*must not be longer than ipns-ttl-max/],
    ['tls-cert: /c.pem', /tls-cert .*needs tls-key/],
    ['tls-key: /k.pem', /tls-key .*needs tls-cert/],
    ['admin-listen: 127.0.0.1:5000', /admin-listen .*must differ/],
    ['source: [kubo, kubo]', /names kubo more than once/],
    ['max-requests: 0', /must be at least 1/],
    ['max-requests: 1.5', /whole number/],
    ['answer-timeout: 25d', /must be at most 24d/],
    ['allow: images/**', /must be a glob that begins with/],
    ['allow: /ipfsx/**', /must be a glob that begins with/],
    ['dns-server: dns.example', /IP address/],
    ['push-host: registry.example.org:5000', /without a port/],
    ['push-host: "[::1]:5000"', /without a port/],
    ['push-host: https://registry.example.org', /without a port/],
    ['public: perhaps', /true or false/],
    ['public: constructor', /true or false/],
    ['listen: { host: x }', /must be a single value/],
    ['source: [{ url: x }]', /needs a "kind"/],
    ['source: [[embedded]]', /line 1 source: must be a single value/],
    ['store: ""', /must not be empty/],
    ['- a\n- b', /must be a mapping/],
    ['listen: [', /is no YAML/],
    ['listen: a\nlisten: b', /line 2: is no YAML: Map keys must be unique/],
  ])('%s', async (text, message) => {
    expect(await mistakesOf(fromFile(text))).toMatch(message)
  })

  test('an unreadable file is one', async () => {
    expect(await mistakesOf(load({ file: 'gone.yaml' }))).toMatch(/gone\.yaml: could not be read: ENOENT/)
  })

  test('an alias bomb is one, and is not expanded', async () => {
    const bomb = ['a: &a [x]']
    for (const [one, two] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi'].map((pair) => [...pair])) {
      bomb.push(`${two}: &${two} [${Array<string>(12).fill(`*${one}`).join(', ')}]`)
    }
    expect(await mistakesOf(fromFile(bomb.join('\n')))).toMatch(/is no YAML|alias/i)
  })

  test('show no secret', async () => {
    const message = await mistakesOf(
      load({ flags: { source: ['gatewy=https://u:hush@h;token=hush', 'gateway=x;header.a=hush'] } }),
    )
    expect(message).not.toContain('hush')
  })

  test('a variable that Kubernetes makes for a Service is none', async () => {
    const env = {
      IPFS_REGISTRY_SERVICE_HOST: '10.0.0.1',
      IPFS_REGISTRY_SERVICE_PORT: '5000',
      IPFS_REGISTRY_SERVICE_PORT_HTTP: '5000',
      IPFS_REGISTRY_PORT: 'tcp://10.0.0.1:5000',
      IPFS_REGISTRY_PORT_5000_TCP: 'tcp://10.0.0.1:5000',
      IPFS_REGISTRY_PORT_5000_TCP_ADDR: '10.0.0.1',
      IPFS_REGISTRY_GATEWAY_SERVICE_HOST: '10.0.0.1',
    }
    await expect(load({ env })).resolves.toBeDefined()
  })
})

describe('proxies', () => {
  test('are read, the loopback excepted', async () => {
    const { config } = await load({ env: { HTTPS_PROXY: 'http://proxy:3128', no_proxy: 'corp.example' } })
    expect(config.proxy).toEqual({
      httpProxy: undefined,
      httpsProxy: 'http://proxy:3128',
      noProxy: 'corp.example,localhost,127.0.0.1,[::1]',
    })
  })

  test('lower case wins; a missing scheme is http', async () => {
    const { config } = await load({ env: { HTTP_PROXY: 'http://upper', http_proxy: 'lower:3128' } })
    expect(config.proxy?.httpProxy).toBe('http://lower:3128')
  })

  test('NO_PROXY=* turns them off; a malformed one is a mistake without its password', async () => {
    expect((await load({ env: { HTTP_PROXY: 'http://p', NO_PROXY: '*' } })).config.proxy).toBeUndefined()
    const message = await mistakesOf(load({ env: { HTTP_PROXY: 'socks5://me:hush@p' } }))
    expect(message).toMatch(/HTTP_PROXY "socks5:\/\/\*\*\*@p": must be/)
  })
})
