import { describe, expect, test } from '@jest/globals'
import { costOf, parseHtpasswd } from '../../../src/auth/htpasswd-file.ts'
import { isFailure } from '../../../src/errors.ts'

const SALTED = 'ipfsregistrygatewayteey/ikM8t86XfHTd9/Xt6cprd4j6YPCn2'

function mistakesOf(text: string): string[] {
  try {
    parseHtpasswd(text, 'users')
  } catch (error) {
    if (!isFailure(error, 'SETTINGS_INVALID')) throw error
    expect(error.message).not.toContain('hush')
    return error.message.split('\n').slice(1)
  }
  throw new Error('nothing was wrong')
}

describe('a password file', () => {
  test('has users and bcrypt hashes of every kind that is sound', () => {
    const text = `# people\r\nalice:$2y$05$${SALTED}\r\n\nbob:$2a$10$${SALTED}\ncarol@x.org:$2b$12$${SALTED}`
    const hashes = parseHtpasswd(text, 'users')
    expect([...hashes.keys()]).toEqual(['alice', 'bob', 'carol@x.org'])
    expect([...hashes.values()].map(costOf)).toEqual([5, 10, 12])
  })

  test.each([
    ['an MD5 hash', 'al:$apr1$hush$hush'],
    ['a SHA-1 hash', 'al:{SHA}hush='],
    ['a SHA-2 hash', 'al:$6$hush$hush'],
    ['no bcrypt hash', 'al:hushhush'],
    ['no bcrypt hash', 'al:'],
  ])('is refused with %s, with the line and what to do', (kind, line) => {
    expect(mistakesOf(`ok:$2y$05$${SALTED}\n\n${line}`)).toEqual([
      `  users line 3: has ${kind}, but only bcrypt is accepted; make the line anew by: htpasswd -B`,
    ])
  })

  test.each([
    ['al:$2x$05$' + SALTED, /of another kind/],
    ['al:$2y$05$hush', /cut/],
    ['al:$2y$03$' + SALTED, /cost 3/],
    ['al:$2y$17$' + SALTED, /cost 17; 16 takes seconds/],
    ['hush', /must be USER:HASH/],
    [':$2y$05$' + SALTED, /no name/],
    ['*:$2y$05$' + SALTED, /means something else/],
    ['anonymous:$2y$05$' + SALTED, /means something else/],
    ['a\x01:$2y$05$' + SALTED, /control character/],
    [`a:$2y$05$${SALTED}\na:$2y$05$${SALTED}`, /line 2: has the user "a" once more/],
    ['', /has no user/],
    ['# nobody\n', /has no user/],
  ])('%j is refused', (text, problem) => expect(mistakesOf(text).join()).toMatch(problem))

  test('tells all mistakes at once', () => {
    expect(mistakesOf('a\nb:c\n').map((line) => line.trim().slice(0, 12))).toEqual([
      'users line 1',
      'users line 2',
    ])
  })
})
