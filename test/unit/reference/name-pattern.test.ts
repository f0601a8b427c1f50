import { describe, expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors.ts'
import { checkTemplate, expand, parseNamePattern } from '../../../src/reference/name-pattern.ts'

function match(pattern: string, name: string): readonly string[] | undefined {
  return parseNamePattern(pattern).match(name)
}

function failureOf(work: () => unknown): Failure {
  try {
    work()
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a pattern matches', () => {
  test.each<[string, string, string[] | undefined]>([
    // Without wildcards, its own text.
    ['docker.io/library/alpine', 'docker.io/library/alpine', []],
    ['docker.io/library/alpine', 'docker.io/library/alpine3', undefined],
    ['docker.io/library/alpine', 'dockerxio/library/alpine', undefined],
    ['registry.example:5000/a', 'registry.example:5000/a', []],
    // `*`: within one component, also nothing.
    ['library/*', 'library/alpine', ['alpine']],
    ['library/*', 'library/a/b', undefined],
    ['library/*', 'library', undefined],
    ['*/alpine', 'library/alpine', ['library']],
    ['*/alpine', 'a/library/alpine', undefined],
    ['*', 'alpine', ['alpine']],
    ['*', 'library/alpine', undefined],
    ['app*', 'app', ['']],
    ['app*', 'app-one', ['-one']],
    ['app*', 'app/one', undefined],
    ['a*b', 'ab', ['']],
    ['a*b', 'a', undefined],
    ['aa*aa', 'aaa', undefined],
    ['*.example:*/x', 'r.example:5000/x', ['r', '5000']],
    // `**`: one component or more.
    ['**', 'alpine', ['alpine']],
    ['**', 'a/b/c', ['a/b/c']],
    ['ghcr.io/**', 'ghcr.io/a/b', ['a/b']],
    ['ghcr.io/**', 'ghcr.io/a', ['a']],
    ['ghcr.io/**', 'ghcr.io', undefined],
    ['**/app', 'app', undefined],
    ['**/app', 'a/b/app', ['a/b']],
    ['a/**', 'a/', undefined],
    ['a/**/b', 'a/b', undefined],
    ['a/**/b', 'a/x/b', ['x']],
    ['a/**/b', 'a/x/b/y/b', ['x/b/y']],
    // Several: each as much as the others leave it, the first one first.
    ['*-*', 'a-b-c', ['a-b', 'c']],
    ['**/*', 'a/b/c', ['a/b', 'c']],
    ['*/**', 'a/b/c', ['a', 'b/c']],
    ['*/*', 'a/b/c', undefined],
    ['**/*-*/x', 'a-b/c-d/x', ['a-b', 'c', 'd']],
    ['a*/*b/**', 'ax/yb/z/w', ['x', 'y', 'z/w']],
    ['**/b*c', 'a/bxc/bc', ['a/bxc', '']],
    ['**/b*c', 'a/bxc/c', undefined],
    ['**/**', 'a/b/c', ['a/b', 'c']],
  ])('%s and %s: %p', (pattern, name, captures) => {
    expect(match(pattern, name)).toEqual(captures)
  })

  test('what a regular expression of the same meaning matches, with its captures', () => {
    const pieces = ['a', 'b', '/', '*', '**', '-']
    let seed = 1
    const next = (below: number): number => {
      seed = (seed * 48271) % 2147483647
      return seed % below
    }
    const word = (from: readonly string[], length: number): string =>
      Array.from({ length }, () => from[next(from.length)]).join('')
    const different: unknown[] = []
    let compared = 0
    let matched = 0
    for (let round = 0; round < 20_000; round++) {
      const pattern = word(pieces, 1 + next(7))
      if (/[^/]\*\*|\*\*[^/]/.test(pattern) || pattern.split('/').includes('')) continue
      const source = pattern.replaceAll(/\*\*|\*/g, (stars) => (stars === '**' ? '(.+)' : '([^/]*)'))
      const name = word(['a', 'b', '/', '-'], 1 + next(8))
      const expected = new RegExp(`^${source}$`).exec(name)?.slice(1)
      const found = match(pattern, name)
      if (JSON.stringify(found) !== JSON.stringify(expected))
        different.push({ pattern, name, found, expected })
      compared += 1
      if (expected !== undefined) matched += 1
    }
    expect(different).toEqual([])
    expect(compared).toBeGreaterThan(5_000)
    expect(matched).toBeGreaterThan(500)
  })

  test('or does not without trying the same twice: trying all ways would take years', () => {
    const word = 'a'.repeat(255)
    expect(match('*a*a*a*a*ab*a*a*a*a', word)).toBeUndefined()
    expect(match('*a*a*a*a/*a*a*a*a*', `${word}/${word}`)).toHaveLength(9)
    const path = 'a/'.repeat(127) + 'a'
    expect(match(`${'**/a/'.repeat(9)}b`, path)).toBeUndefined()
    for (let round = 0; round < 1_000; round++)
      expect(match('**/a/**/a/**/b/**/a/**/a/**/a/**/a/**/a', path)).toBeUndefined()
  })
})

describe('a pattern is refused', () => {
  test.each([
    ['', 'an empty component'],
    ['/a', 'an empty component'],
    ['a/', 'an empty component'],
    ['a//b', 'an empty component'],
    ['A/b', 'lower case'],
    ['a/***', 'whole components only'],
    ['app**', 'whole components only'],
    ['**app', 'whole components only'],
    ['a/*-**/b', 'whole components only'],
    ['a/[bc]', '"["'],
    ['a/b?', '"?"'],
    ['a/{b,c}', '"{"'],
    ['a b', '" "'],
    ['a\n', '"\\n"'],
    ['a/😀', '"😀"'],
    ['library/alpine:3.19', 'tags and digests'],
    ['alpine:3.19', 'tags and digests'],
    ['a:1:2/b', 'tags and digests'],
    ['a/b@sha256', '"@"'],
    ['*/*/*/*/*/*/*/*/*/*', '10 wildcards; 9 are allowed'],
  ])('%p', (text, why) => {
    const failure = failureOf(() => parseNamePattern(text))
    expect(failure.code).toBe('SETTINGS_INVALID')
    expect(failure.message).toContain(why)
  })

  test('when it is too long, without being told whole', () => {
    const failure = failureOf(() => parseNamePattern('a'.repeat(1025)))
    expect(failure.message).toContain('1025 characters')
    expect(failure.message.length).toBeLessThan(300)
  })
})

describe('a template', () => {
  test.each([
    ['hub/$1', ['alpine'], 'hub/alpine'],
    ['$2/$1/$2', ['a', 'b'], 'b/a/b'],
    ['$10', ['a'], 'a0'],
    ['$$1', ['a'], '$1'],
    ['$$$1', ['a'], '$a'],
    ['$9', ['1', '2', '3', '4', '5', '6', '7', '8', '9'], '9'],
    // What was captured is not looked at again.
    ['$1$2', ['$2', 'b'], '$2b'],
  ])('%s with %p becomes %s', (template, captures, expanded) => {
    expect(expand(template, captures)).toBe(expanded)
  })

  test.each([
    ['$3', '*/*', '"$3" has $3, but "*/*" has 2 wildcards'],
    ['$2', '*', 'has one wildcard'],
    ['$1', 'a', 'has no wildcard'],
    ['$0', '*', '"$0"; captures are $1 to $9'],
    ['a$', '*', '"$"; captures'],
    ['$x', '*', '"$x"; captures'],
    ['$\n', '*', 'captures are'],
  ])('%p is refused for %s', (template, pattern, why) => {
    const failure = failureOf(() => checkTemplate(template, parseNamePattern(pattern)))
    expect(failure.code).toBe('SETTINGS_INVALID')
    expect(failure.message).toContain(why)
  })

  test.each(['$1', '$$', '$2/$1', '$$3', 'plain'])('%s is good for two wildcards', (template) => {
    expect(() => checkTemplate(template, parseNamePattern('*/*'))).not.toThrow()
  })
})
