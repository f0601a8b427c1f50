import { describe, expect, test } from '@jest/globals'
import { fromFile, load, mistakesOf } from '../../fixtures/loaded-settings.ts'

test('by default there is no root but home, and names are published', async () => {
  const { config } = await load()
  expect(config).toMatchObject({
    root: [],
    publishNames: true,
    ipnsLifetime: 48 * 3_600_000,
    ipnsTtl: 60_000,
    ipnsRouter: [],
  })
})

test('roots have names, and keys where they are given', async () => {
  const { config } = await fromFile('root: [home=self, team-1, x=Some.Key_2]')
  expect(config.root).toEqual([
    { name: 'home', key: 'self' },
    { name: 'team-1', key: undefined },
    { name: 'x', key: 'Some.Key_2' },
  ])
})

test('several come from the environment and flags too', async () => {
  const { config } = await load({
    env: { IPFS_REGISTRY_ROOT: 'a,b=key', IPFS_REGISTRY_IPNS_ROUTER: 'https://router.example/' },
  })
  expect(config.root.map(({ name }) => name)).toEqual(['a', 'b'])
  expect(config.ipnsRouter).toEqual(['https://router.example'])
})

describe('what is wrong is told', () => {
  test.each([
    ['root: Team', /has the root "Team": a name has lower-case letters/],
    ['root: -a', /has the root "-a"/],
    ['root: a/b', /has the root "a\/b"/],
    ['root: "a.b"', /has the root "a\.b"/],
    [`root: ${'a'.repeat(64)}`, /at most 63/],
    ['root: "a="', /has the key ""/],
    ['root: a=../key', /has the key "\.\.\/key"/],
    ['root: a=.hidden', /has the key "\.hidden"/],
    ['root: [a, b, a=x]', /root \(gateway.yaml line 1\): names a more than once/],
    ['root: [a=k, b=k]', /has the key k for more than one root/],
    ['ipns-lifetime: 1m', /must be at least 10m/],
    ['ipns-lifetime: 40000d', /must be at most 365d/],
    ['ipns-ttl: "0"', /must be at least 1s/],
    ['ipns-router: ftp://router.example', /is no http:\/\/ or https:\/\/ URL/],
    ['ipns-router: https://me:secret@router.example', /without a user name or password/],
  ])('%s', async (text, mistake) => {
    expect(await mistakesOf(fromFile(text))).toMatch(mistake)
  })

  test('without a password that was given', async () => {
    const said = await mistakesOf(fromFile('ipns-router: https://me:secret@router.example'))
    expect(said).not.toContain('secret')
  })
})
