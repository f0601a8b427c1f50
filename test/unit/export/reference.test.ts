import { describe, expect, test } from '@jest/globals'
import { checkPlatform, matchPlatform, platformHere } from '../../../src/export/platform.ts'
import { parseReference } from '../../../src/export/reference.ts'

const DIGEST = `sha256:${'ab'.repeat(32)}`

describe('a reference', () => {
  test.each([
    ['/ipfs/cid/app', '/ipfs/cid/app', { kind: 'all' }],
    ['/ipfs/cid/app/', '/ipfs/cid/app/', { kind: 'all' }],
    ['/ipfs/cid/app:3.10.1', '/ipfs/cid/app', { kind: 'tag', tag: '3.10.1' }],
    ['/ipns/images.example.org:v1', '/ipns/images.example.org', { kind: 'tag', tag: 'v1' }],
    ['/ipfs/cid:5000/app', '/ipfs/cid:5000/app', { kind: 'all' }],
    [`/ipfs/cid/app@${DIGEST}`, '/ipfs/cid/app', { kind: 'digest', digest: DIGEST }],
  ])('%s', (text, path, wanted) => {
    expect(parseReference(text)).toEqual({ path, wanted })
  })

  test.each([
    ['/ipfs/cid/app:', 'NAME_INVALID'],
    ['/ipfs/cid/app:-x', 'NAME_INVALID'],
    ['/ipfs/cid/app@sha256:ab', 'DIGEST_INVALID'],
    ['/ipfs/cid/app@', 'DIGEST_INVALID'],
  ])('%s is none', (text, code) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code }))
  })
})

describe('a platform', () => {
  const available = ['linux/arm/v6', 'linux/arm/v7', 'linux/arm64/v8', 'linux/amd64', 'windows/amd64'].map(
    (platform) => ({ platform }),
  )

  test.each([
    ['linux/amd64', 'linux/amd64'],
    ['windows/amd64', 'windows/amd64'],
    ['linux/arm/v7', 'linux/arm/v7'],
    ['linux/arm', 'linux/arm/v6'],
    ['linux/arm64', 'linux/arm64/v8'],
    ['linux/arm64/v8', 'linux/arm64/v8'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/arm/v8', undefined],
    ['linux/amd64/v3', undefined],
    ['linux/a', undefined],
    ['linux/s390x', undefined],
  ])('%s is %s', (wanted, expected) => {
    expect(matchPlatform(wanted, available)?.platform).toBe(expected)
  })

  test('without a variant the one that has none comes first', () => {
    const both = [{ platform: 'linux/amd64/v3' }, { platform: 'linux/amd64' }]
    expect(matchPlatform('linux/amd64', both)).toBe(both[1])
  })

  test.each(['linux', 'linux/', '/amd64', 'linux/amd64/v1/x', 'Linux/amd64', 'linux amd64', ''])(
    '"%s" is none',
    (text) => expect(() => checkPlatform(text)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' })),
  )

  test.each([
    ['x64', 'linux/amd64'],
    ['arm64', 'linux/arm64'],
    ['ppc64', 'linux/ppc64le'],
    ['s390x', 'linux/s390x'],
  ])('of a machine that Node.js calls %s is %s', (arch, expected) => {
    expect(platformHere(arch)).toBe(expected)
  })
})
