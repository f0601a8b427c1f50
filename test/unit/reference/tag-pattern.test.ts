import { expect, test } from '@jest/globals'
import { parseTagPattern } from '../../../src/reference/tag-pattern.ts'

test.each([
  ['team/**:v*', 'team/app', 'v1', true],
  ['team/**:v*', 'team/a/b', 'v', true],
  ['team/**:v*', 'team', 'v1', false],
  ['team/**:v*', 'team/app', 'latest', false],
  ['**:*', 'a/b', 'x', true],
  ['app', 'app', 'anything', true],
  ['app:1.2', 'app', '1.2', true],
  ['app:1.2', 'app', '1x2', false],
  ['app:a*b*c', 'app', 'a-b-c', true],
  ['app:a*b*c', 'app', 'abc', true],
  ['app:a*bc', 'app', 'abc', true],
  ['app:a*a', 'app', 'a', false],
  ['app:*-rc*', 'app', '1.0-rc.1', true],
  ['app:V*', 'app', 'v1', false],
])('%s and %s:%s: %s', (pattern, repository, tag, expected) => {
  expect(parseTagPattern(pattern).matches(repository, tag)).toBe(expected)
})

test.each(['app:', 'app:a b', 'App:1', '', 'a//b:1', 'app:1:2'])('%s is none', (text) => {
  expect(() => parseTagPattern(text)).toThrow(expect.objectContaining({ code: 'SETTINGS_INVALID' }))
})
