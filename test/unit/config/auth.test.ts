import { describe, expect, test } from '@jest/globals'
import { fromFile, load, mistakesOf } from '../../fixtures/loaded-settings.ts'

const EVERYWHERE = '0.0.0.0:5000'

describe('--push', () => {
  test.each(['127.0.0.1:5000', '[::1]:5000', 'localhost:5000'])(
    'needs nobody to say who they are at %s',
    async (listen) => {
      const { config } = await load({ flags: { push: true, listen } })
      expect(config.auth).toEqual({ kind: 'auto' })
    },
  )

  test.each([
    { listen: EVERYWHERE },
    { listen: '[::]:5000' },
    { listen: 'registry.lan:5000' },
    { mirror: ['0.0.0.0:5001=docker.io'] },
  ])('elsewhere is refused, with what to do: %j', async (flags) => {
    const told = await mistakesOf(load({ flags: { push: true, ...flags } }))
    expect(told).toMatch(/push \(--push\): .*--auth htpasswd=FILE.*--auth none.*127\.0\.0\.1/)
  })

  test('elsewhere is taken with something in front, and without push there is nothing to guard', async () => {
    await load({ flags: { push: true, listen: EVERYWHERE, auth: 'none' } })
    await load({ flags: { listen: EVERYWHERE } })
  })

  test('elsewhere is taken with a password file and a key', async () => {
    const flags = { push: true, listen: EVERYWHERE, auth: 'htpasswd=~/users', 'token-key': '/run/key' }
    const { config, inForce } = await load({ flags })
    expect(config.auth).toMatchObject({ kind: 'htpasswd', file: expect.stringMatching(/^\/.*\/users$/) })
    expect(inForce.find(({ name }) => name === 'auth')?.texts).toEqual([
      expect.stringMatching(/^htpasswd=\/.*\/users$/),
    ])
    expect(config).toMatchObject({ authRules: 'private', tokenLifetime: 300_000, tokenKey: '/run/key' })
  })
})

test.each([
  ['auth: ldap', /must be auto, none or htpasswd=FILE/],
  ['auth: htpasswd', /must be auto, none or htpasswd=FILE/],
  ['auth: htpasswd=', /must be auto, none or htpasswd=FILE/],
  ['auth: none=x', /must be auto, none or htpasswd=FILE/],
  ['auth: htpasswd=/f\nlisten: 0.0.0.0:1', /auth .*needs --token-key FILE on 0\.0\.0\.0.*openssl rand/],
  ['auth-rules: /rules.yaml', /auth-rules .*needs users.*--auth htpasswd=FILE/],
  ['auth-rules: public', /auth-rules .*needs users.*--auth htpasswd=FILE/],
  ['token-lifetime: 59s', /must be at least 1m/],
  ['public-url: registry.example', /no http:\/\/ or https:\/\/ URL/],
  ['public-url: https://h/path', /scheme and host only/],
  ['public-url: https://me:hush@h', /scheme and host only/],
  ['trusted-proxy: proxy.lan', /IP address or network/],
  ['trusted-proxy: 10.0.0.0/33', /IP address or network/],
  ['trusted-proxy: 10.0.0.0/x', /IP address or network/],
  ['trusted-proxy: 10.0.0.0/8/8', /IP address or network/],
])('%s', async (text, message) => {
  expect(await mistakesOf(fromFile(text))).toMatch(message)
})

test('proxies are networks of addresses; the loopback is one unless others are named', async () => {
  expect((await load()).config.trustedProxy).toEqual([
    { address: '127.0.0.0', family: 'ipv4', prefix: 8 },
    { address: '::1', family: 'ipv6', prefix: 128 },
  ])
  const { config } = await load({ env: { IPFS_REGISTRY_TRUSTED_PROXY: '10.1.2.3, fd00::/8' } })
  expect(config.trustedProxy).toEqual([
    { address: '10.1.2.3', family: 'ipv4', prefix: 32 },
    { address: 'fd00::', family: 'ipv6', prefix: 8 },
  ])
})

test('a public URL is an origin', async () => {
  const { config } = await load({ flags: { 'public-url': 'https://Registry.example.org:443/' } })
  expect(config.publicUrl).toBe('https://registry.example.org')
})
