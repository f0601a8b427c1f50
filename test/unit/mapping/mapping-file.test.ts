import { describe, expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors.ts'
import type { Mapping } from '../../../src/mapping/mapping.ts'
import { parseMapping } from '../../../src/mapping/mapping-file.ts'

const CID = 'bafybeie5nqv6kd3qnfjupgvz34woh3oksc3iau6abmyajn7qvtf6d2ho34'
const SOURCES = ['embedded', 'kubo', 'gateway', 'gateway:ipfs.example', 'dns']

function parse(text: string): Mapping {
  return parseMapping(text, { where: 'names.yaml', sources: SOURCES })
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

/** The lines of a refusal, without the first. */
function mistakesOf(text: string): string[] {
  const failure = failureOf(() => parse(text))
  expect(failure.code).toBe('SETTINGS_INVALID')
  const [title, ...lines] = failure.message.split('\n')
  expect(title).toMatch(/^the mapping of names names\.yaml has (a mistake|\d+ mistakes):$/)
  return lines.map((line) => line.trim())
}

/** One rule for `library/*`, with these lines added. */
function rule(...lines: string[]): string {
  return ['names:', '  - name: "library/*"', ...lines.map((line) => `    ${line}`)].join('\n')
}

test.each([
  ['brackets', '['.repeat(100_000)],
  ['items', '- '.repeat(100_000)],
  ['keys', '? '.repeat(100_000)],
  ["keys that are nobody's", ':\na: '.repeat(50_000)],
  ['indentation', Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
])('%s within each other are refused before they take all of the stack', (_, text) => {
  expect(mistakesOf(text)).toEqual(['names.yaml: is no YAML: it is nested too deep'])
})

describe('a mapping', () => {
  test('says where a name lives, in which order, and whom to ask', () => {
    const mapping = parse(`
names:
  - name: docker.io/library/alpine
    ipfs: /ipns/images.example.org/alpine
  - name: ghcr.io/acme/*
    ipfs: /ipfs/${CID}/acme/$1
    order: upstream-first
    sources: [embedded, "gateway:ipfs.example"]
  - name: '**'
    ipfs: /ipns/images.example.org/all/$1
    order: ipfs-only
`)
    expect(mapping.find('docker.io/library/alpine')).toEqual({
      path: 'ipns/images.example.org/alpine',
      order: 'ipfs-first',
      sources: undefined,
      rule: 'docker.io/library/alpine',
    })
    expect(mapping.find('ghcr.io/acme/app')).toEqual({
      path: `ipfs/${CID}/acme/app`,
      order: 'upstream-first',
      sources: ['embedded', 'gateway:ipfs.example'],
      rule: 'ghcr.io/acme/*',
    })
    expect(mapping.find('quay.io/a/b')?.path).toBe('ipns/images.example.org/all/quay.io/a/b')
    expect(mapping.find('quay.io/a/b')?.order).toBe('ipfs-only')
  })

  test('has nothing of a name that no rule is about, and may have no rules', () => {
    expect(parse(rule('ipfs: /ipns/images.example.org')).find('library')).toBeUndefined()
    expect(parse('names: []').find('library/alpine')).toBeUndefined()
  })

  test('may be JSON, or have a mark of its byte order in front', () => {
    const text = '{"names":[{"name":"a","ipfs":"/ipns/images.example.org/a"}]}'
    expect(parse(text).find('a')?.path).toBe('ipns/images.example.org/a')
    expect(parse(`\uFEFF${text}`).find('a')?.path).toBe('ipns/images.example.org/a')
  })

  test('takes captures into the root as well', () => {
    const mapping = parse('names: [{name: "ghcr.io/*/**", ipfs: /ipns/$1.example.org/$2}]')
    expect(mapping.find('ghcr.io/acme/a/b')?.path).toBe('ipns/acme.example.org/a/b')
  })
})

describe('the first rule that matches', () => {
  const glob = '{name: library/*, ipfs: /ipns/glob.example/$1}'
  const exact = '{name: library/alpine, ipfs: /ipns/exact.example}'
  const all = '{name: "**", ipfs: /ipns/all.example/$1}'

  test.each([
    ['an exact one behind a glob loses', [glob, exact], 'ipns/glob.example/alpine'],
    ['an exact one before a glob wins', [exact, glob], 'ipns/exact.example'],
    ['a glob before another wins', [all, glob, exact], 'ipns/all.example/library/alpine'],
    [
      'a glob that does not match is passed over',
      ['{name: x/*, ipfs: /ipns/x.example}', exact, all],
      'ipns/exact.example',
    ],
    ['one between globs has its own place', [exact, all, glob], 'ipns/exact.example'],
  ])('wins: %s', (_what, rules, path) => {
    expect(parse(`names: [${rules.join(', ')}]`).find('library/alpine')?.path).toBe(path)
  })

  test('is found at once among 10 000', () => {
    const rules = Array.from({ length: 10_000 }, (_, index) => ({
      name: `docker.io/library/image-${index}`,
      ipfs: `/ipns/images.example.org/${index}`,
    }))
    const mapping = parse(JSON.stringify({ names: rules }))
    // A search through all of them would be 10^10 comparisons.
    for (let round = 0; round < 1_000_000; round++) mapping.find('docker.io/library/image-9999')
    expect(mapping.find('docker.io/library/image-9999')?.path).toBe('ipns/images.example.org/9999')
  })
})

describe('a name that a rule makes no path of', () => {
  test.each([
    ['library/*', '/ipfs/$1', 'library/alpine', 'neither /ipfs/<cid> nor /ipns/<name>'],
    ['library/*', '/ipns/$1', 'library/a.5', 'no domain name'],
    ['app*', '/ipns/images.example.org/$1', 'app', 'an empty component'],
    ['*/x', '/ipns/images.example.org/$1', 'registry.example:5000/x', 'no component'],
    ['**', `/ipfs/${CID}/$1/$1/$1/$1/$1`, 'a'.repeat(255), 'characters; 1024 are allowed'],
  ])('is invalid, and the rule is named: %s to %s', (name, ipfs, asked, why) => {
    const mapping = parse(JSON.stringify({ names: [{ name, ipfs }] }))
    const failure = failureOf(() => mapping.find(asked))
    expect(failure.code).toBe('NAME_INVALID')
    expect(failure.message).toContain(`the rule "${name}"`)
    expect(failure.message).toContain(why)
  })
})

describe('mistakes', () => {
  test('are all told, each with its line', () => {
    const mistakes = mistakesOf(`
nmaes: []
names:
  - name: library/alpine:3.19
    ipfs: alpine
    oder: ipfs-first
  - ipfs: /ipns/images.example.org/$1
    order: upstream
    sources:
      - embeded
      - kubo
      - gateway:other
  - name: library/*
    ipfs: /ipns/images.example.org/$3
  - name: library/*
    ipfs: /ipns/images.example.org
  - busybox
`)
    expect(mistakes).toEqual([
      'names.yaml line 2 "nmaes": there is no such key in a mapping; did you mean "names"?',
      'names.yaml line 6 "oder": there is no such key in a rule; did you mean "order"?',
      'names.yaml line 4 "name": "library/alpine:3.19" is no pattern of repository names: a colon stands before the port of a registry only; tags and digests are no part of a name',
      'names.yaml line 5 "ipfs": "alpine" is neither /ipfs/<cid> nor /ipns/<name>, with or without a path behind it',
      'names.yaml line 7: the rule has no "name"',
      'names.yaml line 8 "order": there is no order "upstream"; there are ipfs-first, upstream-first, ipfs-only',
      'names.yaml line 10 "sources": there is no source "embeded"; did you mean "embedded"?',
      'names.yaml line 12 "sources": there is no source "gateway:other"; there are embedded, kubo, gateway, gateway:ipfs.example, dns',
      'names.yaml line 14 "ipfs": "/ipns/images.example.org/$3" has $3, but "library/*" has one wildcard',
      'names.yaml line 15 "name": is the name of a rule already: names.yaml line 13 "name"',
      'names.yaml line 17: a rule must have the keys "name" and "ipfs"',
    ])
  })

  test.each([
    ['', 'names.yaml: must be a mapping with the key "names"'],
    ['# nothing', 'names.yaml: must be a mapping with the key "names"'],
    ['- name: a', 'names.yaml: must be a mapping with the key "names"'],
    ['{}', 'names.yaml: has no "names"'],
    ['names:', 'names.yaml line 1 "names": must be a list of rules'],
    ['names: {a: b}', 'names.yaml line 1 "names": must be a list of rules'],
    ['names: []\nnames: []', 'names.yaml line 2 "names": is there twice'],
    ['names: []\n5: []', 'names.yaml line 2 "5": there is no such key in a mapping'],
    ['names: []\n? [a]\n: b', 'there is no such key in a mapping'],
    ['names: [', 'names.yaml line 1: is no YAML'],
    ['names: []\n---\nnames: []', 'is no YAML: Source contains multiple documents'],
    ['names:\n  - name: */alpine\n    ipfs: /ipns/x.example', 'must be in quotes: "*/alpine"'],
    ['names:\n  - name: *\n    ipfs: /ipns/x.example', 'must be in quotes'],
    [
      'names:\n  - &a {name: a, ipfs: /ipns/x.example}\n  - *a',
      'names.yaml line 3: a rule must have the keys',
    ],
  ])('of the whole: %p', (text, mistake) => {
    expect(mistakesOf(text).join('\n')).toContain(mistake)
  })

  test.each([
    ['no "ipfs"', rule('order: ipfs-only'), 'line 2: the rule has no "ipfs"'],
    ['nothing', rule('ipfs:'), 'line 3 "ipfs": must be a text'],
    ['a number', rule('ipfs: 5'), 'line 3 "ipfs": must be a text'],
    ['a list', rule('ipfs: [a]'), 'line 3 "ipfs": must be a text'],
    ['no slash in front', rule('ipfs: ipns/x.example'), 'neither /ipfs/<cid> nor'],
    ['a capture in place of ipfs', rule('ipfs: /$1/x.example'), 'neither /ipfs/<cid> nor'],
    ['no root', rule('ipfs: /ipfs/'), 'neither /ipfs/<cid> nor'],
    ['no CID', rule('ipfs: /ipfs/alpine'), 'neither /ipfs/<cid> nor'],
    ['no mutable name', rule('ipfs: /ipns/alpine'), 'neither /ipfs/<cid> nor'],
    ['a CID in place of a mutable name', rule(`ipfs: /ipns/${CID}`), `use ipfs/${CID}`],
    ['a slash at the end', rule('ipfs: /ipns/x.example/'), 'an empty component'],
    ['capitals', rule('ipfs: /ipns/x.example/Alpine'), 'capitals'],
    ['what no capture makes a path', rule('ipfs: /ipns/$1.example.org/-$1'), '"-a"'],
    ['a dollar sign', rule('ipfs: /ipns/x.example/$$'), '"$" in'],
    [
      'an order that is a list',
      rule('ipfs: /ipns/x.example', 'order: [a]'),
      'line 4 "order": must be a text',
    ],
    ['sources that are no list', rule('ipfs: /ipns/x.example', 'sources: kubo'), 'must be a list of sources'],
    ['no sources', rule('ipfs: /ipns/x.example', 'sources: []'), 'must be a list of sources'],
    ['a source that is a number', rule('ipfs: /ipns/x.example', 'sources: [1]'), 'must be a text'],
    ['a key twice', rule('ipfs: /ipns/x.example', 'ipfs: /ipns/y.example'), 'line 4 "ipfs": is there twice'],
  ])('of one rule: %s', (_what, text, mistake) => {
    const mistakes = mistakesOf(text)
    expect(mistakes).toHaveLength(1)
    expect(mistakes[0]).toContain(mistake)
  })

  test('of the whole: lists in lists without end', () => {
    expect(mistakesOf(`names: ${'['.repeat(5000)}`).join('\n')).toContain('is no YAML')
  })

  test('of a root that is a dollar sign', () => {
    expect(mistakesOf('names: [{name: a, ipfs: /ipns/$$}]')).toHaveLength(1)
  })

  test('are counted from the hundred and first on', () => {
    const mistakes = mistakesOf(JSON.stringify({ names: Array(250).fill({ name: 'a' }) }))
    expect(mistakes).toHaveLength(101)
    // Two for each rule but the first, whose name is none yet.
    expect(mistakes.at(-1)).toBe('names.yaml: 399 more')
  })
})

describe('a mapping is bounded', () => {
  test('in bytes', () => {
    expect(mistakesOf(`names: [] # ${'é'.repeat(2 ** 19)}`)).toEqual(['names.yaml: is larger than 1 MiB'])
    const comment = '#'.repeat(2 ** 20 - 'names: [] '.length)
    expect(parse(`names: [] ${comment}`).find('a')).toBeUndefined()
  })

  test('in rules', () => {
    const rules = (count: number): string =>
      `names:\n${Array.from({ length: count }, (_, index) => `- {name: n${index}, ipfs: /ipns/a.example}\n`).join('')}`
    expect(parse(rules(10_000)).find('n9999')).toBeDefined()
    expect(mistakesOf(rules(10_001))).toEqual([
      'names.yaml line 1 "names": has 10001 rules; 10000 are allowed',
    ])
  })

  test('in time, when there are very many keys', () => {
    const text = Array.from({ length: 80_000 }, (_, index) => `k${index}:\n`).join('')
    expect(mistakesOf(text).at(-1)).toMatch(/\d+ more$/)
  })
})
