import { expect, test } from '@jest/globals'
import { ruleNames } from '../../../src/repository/rule-names.ts'

const CID = 'bafybeie5nqv6kd3qnfjupgvz34woh3oksc3iau6abmyajn7qvtf6d2ho34'
const NAMES = {
  byAlias: new Map([
    ['docker.io', 'docker.io'],
    ['hub', 'docker.io'],
    ['ghcr.io', 'ghcr.io'],
  ]),
  fallback: 'docker.io',
}

test.each([
  // What may be a repository of this gateway is meant by its own name alone.
  ['alpine', undefined, ['alpine']],
  ['team/app', undefined, ['team/app']],
  ['other.lan/app', undefined, ['other.lan/app']],
  ['Bad//name', undefined, ['Bad//name']],
  ['ghcr.io/org/app', undefined, ['ghcr.io/org/app']],
  [
    'hub/alpine',
    undefined,
    ['docker.io/library/alpine', 'docker.io/alpine', 'hub/library/alpine', 'hub/alpine'],
  ],
  ['org/app', 'ghcr.io', ['ghcr.io/org/app']],
  ['org/app', 'docker.io', ['docker.io/org/app', 'hub/org/app']],
  ['ghcr.io/org/app', 'docker.io', ['docker.io/ghcr.io/org/app', 'hub/ghcr.io/org/app']],
  ['org/app', 'quay.io', ['quay.io/org/app']],
  ['org/app', 'no registry', []],
  ['Bad//name', 'ghcr.io', []],
])('%s of %s is meant by %j', (name, namespace, names) => {
  expect(ruleNames(name, namespace, NAMES)).toEqual(names)
})

test('content is meant by any spelling of its root, also where a mirror of Docker Hub is asked', () => {
  const spelled = `ipfs/f01701220${'00'.repeat(32)}/app`
  expect(ruleNames(spelled, undefined, NAMES)).toEqual([
    spelled,
    `ipfs/bafybeiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/app`,
  ])
  expect(ruleNames(`ipfs/${CID}/app`, 'docker.io', NAMES)).toContain(`ipfs/${CID}/app`)
  expect(ruleNames(`ipfs/${CID}/app`, 'ghcr.io', NAMES)).toEqual([`ghcr.io/ipfs/${CID}/app`])
  expect(ruleNames('ipns/images.example.org/app', undefined, NAMES)).toContain('ipns/images.example.org/app')
})
