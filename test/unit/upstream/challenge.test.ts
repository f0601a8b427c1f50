import { describe, expect, test } from '@jest/globals'
import { challengeIn } from '../../../src/upstream/auth/challenge.ts'

const HUB = {
  scheme: 'bearer',
  realm: 'https://auth.example/token',
  service: 'registry.example',
}
const BASIC = { scheme: 'basic' }

describe('a challenge', () => {
  test.each<[string, string | string[] | undefined, unknown]>([
    ['none', undefined, undefined],
    ['an empty line', '', undefined],
    [
      'Bearer',
      'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"',
      HUB,
    ],
    [
      'other cases and spaces',
      'bEaReR  Realm = "https://auth.example/token" , SERVICE="registry.example"',
      HUB,
    ],
    ['values without quotes', 'Bearer realm=https://auth.example/token,service=registry.example', HUB],
    [
      'no service',
      'Bearer realm="https://a/"',
      { scheme: 'bearer', realm: 'https://a/', service: undefined },
    ],
    [
      'escapes and commas in quotes',
      'Bearer realm="https://a/?x=\\"1,2\\"",service="a \\\\ b, Basic realm=\\"c\\""',
      { scheme: 'bearer', realm: 'https://a/?x="1,2"', service: 'a \\ b, Basic realm="c"' },
    ],
    ['Basic', 'Basic realm="a registry"', BASIC],
    ['Basic without anything', 'Basic', BASIC],
    [
      'two in one line',
      'Basic realm="x", Bearer realm="https://auth.example/token",service="registry.example"',
      HUB,
    ],
    [
      'two in two lines',
      ['Basic realm="x"', 'Bearer realm="https://auth.example/token",service=registry.example'],
      HUB,
    ],
    ['a foreign one before', 'Negotiate YWJj==, Basic realm="x"', BASIC],
    ['a foreign one alone', 'Digest realm="x", qop="auth, auth-int", nonce="1"', undefined],
    ['a foreign one with a realm before', ['Digest realm="https://wrong/"', 'Basic realm="x"'], BASIC],
    ['Bearer without a realm', 'Bearer service="x", Basic realm="y"', BASIC],
    ['empty elements', ', , Basic realm="x",, ', BASIC],
    ['quotes without end', 'Basic realm="x', BASIC],
    ['nonsense', '=="";;', undefined],
    [
      'a parameter twice',
      'Bearer realm="https://a/",realm="https://b/"',
      { ...HUB, realm: 'https://a/', service: undefined },
    ],
  ])('%s', (_, header, expected) => {
    expect(challengeIn(header)).toEqual(expected)
  })
})

test('a long line of nonsense is read in one go', () => {
  expect(challengeIn(`Bearer realm="${'a'.repeat(60_000)}`)).toBeUndefined()
  expect(challengeIn('a '.repeat(30_000))).toBeUndefined()
  expect(challengeIn('"'.repeat(60_000))).toBeUndefined()
})
