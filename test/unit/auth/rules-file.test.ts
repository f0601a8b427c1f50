import { describe, expect, test } from '@jest/globals'
import { parseRules, PRIVATE_RULES, PUBLIC_RULES } from '../../../src/auth/rules-file.ts'
import { isFailure } from '../../../src/errors.ts'

const RULES = parseRules(
  `
- users: anonymous
  repositories: ["public/**", "ipfs/**"]
  actions: pull
- users: [alice, bob]
  repositories: ["team/*"]
  actions: [pull, push]
- users: ["*"]
  repositories: ["docs", "docker.io/**"]
  actions: [pull]
`,
  'rules.yaml',
)

describe('rules', () => {
  test.each([
    [undefined, 'pull', 'public/a/b', true],
    [undefined, 'push', 'public/a', false],
    [undefined, 'pull', 'team/a', false],
    [undefined, 'pull', 'docs', false],
    ['alice', 'push', 'team/a', true],
    ['alice', 'delete', 'team/a', false],
    ['alice', 'push', 'team/a/b', false],
    ['alice', 'pull', 'public/a', true],
    ['carol', 'pull', 'docs', true],
    ['carol', 'pull', 'docker.io/library/alpine', true],
    ['carol', 'pull', 'team/a', false],
    ['carol', 'pull', 'public', false],
  ] as const)('%s may %s %s: %s', (user, action, name, allowed) => {
    expect(RULES.allow(user, action, [name])).toBe(allowed)
  })

  test('are about any of the names that a repository has, and about none without', () => {
    expect(RULES.allow('alice', 'push', ['x', 'team/a'])).toBe(true)
    expect(RULES.allow('alice', 'push', [])).toBe(false)
  })

  test('have two forms that need no file', () => {
    expect(PRIVATE_RULES.allow(undefined, 'pull', ['a'])).toBe(false)
    expect(PUBLIC_RULES.allow(undefined, 'pull', ['a/b/c'])).toBe(true)
    for (const rules of [PRIVATE_RULES, PUBLIC_RULES]) {
      expect(rules.allow(undefined, 'push', ['a'])).toBe(false)
      expect(rules.allow('anybody', 'delete', ['a/b/c'])).toBe(true)
    }
  })

  test.each([
    ['[{users: alice, repositories: "team/**", actions: push}]', ['team/**']],
    ['[{users: alice, repositories: ["team/**", docs], actions: pull}]', []],
    [
      '- {users: alice, repositories: ["team/*", "team/**", "open/**", "open/*", app], actions: push}\n' +
        '- {users: anonymous, repositories: ["team/*", "open/**", app], actions: pull}\n' +
        '- {users: ["*"], repositories: "**", actions: pull}',
      ['team/**'],
    ],
    [
      '- {users: a, repositories: ["a/**", "b/*"], actions: push}\n- {users: anonymous, repositories: "**", actions: pull}',
      [],
    ],
  ])('%s keeps from nobody in particular what is pushed to %j', (text, patterns) => {
    expect(parseRules(text, 'rules.yaml').privatePushes()).toEqual(patterns)
    expect([PRIVATE_RULES.privatePushes(), PUBLIC_RULES.privatePushes()]).toEqual([['**'], []])
  })

  test('may be none: then nobody may do anything', () => {
    expect(parseRules('[]', 'rules.yaml').allow('alice', 'pull', ['a'])).toBe(false)
  })

  test.each([
    ['', ['rules.yaml: must be a list of rules']],
    ['rules: []', ['rules.yaml: must be a list of rules']],
    ['- alice', ['rules.yaml line 1: a rule must have the keys "users", "repositories" and "actions"']],
    [
      '- users: [a]\n  actions: [pul, push]\n',
      [
        'rules.yaml line 1: the rule has no "repositories"',
        'rules.yaml line 2 "actions": "pul" is none of pull, push, delete; did you mean "pull"?',
      ],
    ],
    [
      '- users: [a*, ""]\n  repositories: [Team/**]\n  actions: [pull]\n  user: b\n',
      [
        expect.stringMatching(/line 4 "user": there is no such key in a rule; did you mean "users"/),
        'rules.yaml line 1 "users": "a*" is no name of a user; "*" alone stands for every user',
        'rules.yaml line 1 "users": "" is no name of a user',
        expect.stringMatching(/line 2 "repositories": "Team\/\*\*" is no pattern .*lower case/),
      ],
    ],
    ['- {users: [], repositories: x, actions: pull}', ['rules.yaml line 1 "users": must not be empty']],
    ['- {users: [1], repositories: x, actions: pull}', ['rules.yaml line 1: must be a text']],
    ['- {users: {a: b}, repositories: x, actions: pull}', ['rules.yaml line 1 "users": must be a text']],
    [
      '- users: [*]\n',
      [expect.stringMatching(/line 1: is no YAML: .*a value that begins with \* must be in quotes/)],
    ],
  ])('%j is refused, each mistake with its line', (text, mistakes) => {
    try {
      parseRules(text, 'rules.yaml')
    } catch (error) {
      if (!isFailure(error, 'SETTINGS_INVALID')) throw error
      const [title, ...lines] = error.message.split('\n').map((line) => line.trim())
      expect(title).toMatch(/^the rules rules\.yaml have (a mistake|\d+ mistakes):$/)
      expect(lines).toEqual(mistakes)
      return
    }
    throw new Error('nothing was wrong')
  })
})
