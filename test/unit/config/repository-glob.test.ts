import { describe, expect, test } from '@jest/globals'
import { parseNameGlob, parseRepositoryGlob, parseRewrite } from '../../../src/config/repository-glob.ts'

describe('globs over repositories', () => {
  test.each(['library/alpine', 'library/*', '**', 'org/**/app', '*/*/*/*/*/*/*/*/*', 'a*b-*/c.d_e', '*'])(
    '%s',
    (glob) => {
      expect(parseRepositoryGlob(glob)).toBe(glob)
      expect(parseNameGlob(glob)).toBe(glob)
    },
  )

  test.each([
    ['Library/*', /lower case/],
    ['/library/*', /empty component/],
    ['library/', /empty component/],
    ['a//b', /empty component/],
    ['a?', /"\?" is in no name/],
    ['{a,b}', /is in no name/],
    ['[ab]', /is in no name/],
    ['!a', /is in no name/],
    ['a b', /is in no name/],
    ['a:5000/b', /colon/],
    ['a**', /\*\*/],
    ['x/**a', /\*\*/],
    ['***', /\*\*/],
    ['*/*/*/*/*/*/*/*/*/*', /10 wildcards; 9 are allowed/],
  ])('%s is refused', (glob, message) => expect(() => parseRepositoryGlob(glob)).toThrow(message))

  test('a name may begin with a host and its port, and with nothing else that has a colon', () => {
    expect(parseNameGlob('registry.example:5000/mycorp/**')).toBe('registry.example:5000/mycorp/**')
    expect(parseNameGlob('*:5000/**')).toBe('*:5000/**')
    for (const glob of ['a:b/c', 'a/b:5000/c', 'a:5000', '**:5000/a', 'a:5000/b**'])
      expect(() => parseNameGlob(glob)).toThrow()
  })
})

describe('rewrites', () => {
  test.each([
    ['library/*>hub/library/$1', 'library/*', 'hub/library/$1'],
    ['*/**>$2-of/x$1', '*/**', '$2-of/x$1'],
    ['a > b', 'a', 'b'],
    ['*-*>$1/$2', '*-*', '$1/$2'],
  ])('%s', (text, from, to) => expect(parseRewrite(text)).toEqual({ from, to }))

  test.each([
    ['library/*>$2', /has \$2, but "library\/\*" has one wildcard$/],
    ['*/**>$3', /has \$3, but .* has 2 wildcards/],
    ['a>$1', /has no wildcard/],
    ['*>$0', /\$0/],
    ['*>a$', /captures are \$1 to \$9/],
    ['*>a$$', /no name of a repository/],
    ['*>', /no name of a repository/],
    ['*>/a/$1', /no name of a repository/],
    ['*>a/../$1', /no name of a repository/],
    ['*>A', /no name of a repository/],
    ['*>a/*', /no name of a repository/],
    ['A>b', /lower case/],
    ['>b', /empty component/],
  ])('%s is refused', (text, message) => expect(() => parseRewrite(text)).toThrow(message))
})
