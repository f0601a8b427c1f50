import { describe, expect, test } from '@jest/globals'
import { exposedUpstreams, exposureWarning } from '../../../src/config/exposure.ts'
import { loadConfig, type Flags } from '../../../src/config/load.ts'

async function config(listen: string, mirror: readonly string[] = [], more: Flags = {}) {
  const upstream = [
    'docker.io;username=me;password=hush',
    'quay.io',
    'x.io;fallback=https://you:hush@y.io',
    'ghcr.io;credential-helper=pass',
  ]
  const flags = { listen, mirror, upstream, ...more }
  return (await loadConfig({ flags, env: {}, readFile: async () => '' })).config
}

const WITH_CREDENTIALS = ['docker.io', 'x.io', 'ghcr.io']

describe('upstreams whose credentials serve others', () => {
  test.each([
    '0.0.0.0:5000',
    ':5000',
    '192.0.2.1:5000',
    '[::]:5000',
    '[2001:db8::1]:5000',
    'registry.lan:5000',
  ])('are those with credentials when it listens at %s', async (listen) =>
    expect(exposedUpstreams(await config(listen))).toEqual(WITH_CREDENTIALS),
  )

  test.each(['127.0.0.1:5000', '127.8.9.1:5000', '[::1]:5000', 'localhost:5000', '[::ffff:127.0.0.1]:5000'])(
    'are none when it listens at %s',
    async (listen) => {
      expect(exposedUpstreams(await config(listen))).toEqual([])
      expect(exposureWarning(await config(listen))).toBeUndefined()
    },
  )

  test('are all of them when a mirror listens elsewhere: a request there can name any', async () => {
    const { mirrors, listen, upstreams } = await config('127.0.0.1:5000', ['0.0.0.0:5001=quay.io'])
    expect(exposedUpstreams({ listen, mirrors, upstreams })).toEqual(WITH_CREDENTIALS)
  })
})

test('the warning names them, and no secret', async () => {
  const text = exposureWarning(await config('0.0.0.0:5000'))
  expect(text).toMatch(/reads from docker\.io, x\.io, ghcr\.io with its credentials/)
  expect(text).not.toContain('hush')
})

test('there is no warning where others have to log in first, or something in front sees to it', async () => {
  const warning = async (more: Flags) => exposureWarning(await config('0.0.0.0:5000', [], more))
  const users = { auth: 'htpasswd=/users', 'token-key': '/key' }
  expect(await warning({ auth: 'none' })).toBeUndefined()
  expect(await warning(users)).toBeUndefined()
  expect(await warning({ ...users, 'auth-rules': 'public' })).toMatch(/--auth/)
})
