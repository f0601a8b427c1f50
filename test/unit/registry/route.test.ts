import { describe, expect, test } from '@jest/globals'
import { parseRoute } from '../../../src/registry/route.ts'

const SHA256 = `sha256:${'ab'.repeat(32)}`
const SHA512 = `sha512:${'cd'.repeat(64)}`

describe('manifests', () => {
  test.each([SHA256, SHA512])('by digest: %s', (digest) => {
    const route = { kind: 'manifest', name: 'a/b', reference: { kind: 'digest', digest } }
    expect(parseRoute(`/v2/a/b/manifests/${digest}`)).toMatchObject(route)
    expect(parseRoute(`/v2/a/b/manifests/${digest.replace(':', '%3A')}`)).toMatchObject(route)
  })

  test('by tag', () => {
    expect(parseRoute('/v2/a/b/manifests/v1.0')).toMatchObject({
      kind: 'manifest',
      name: 'a/b',
      reference: { kind: 'tag', tag: 'v1.0' },
    })
  })

  // No tag has a colon, so it was meant as a digest.
  test.each(['md5:abc', 'sha256:abc', `sha256:${'AB'.repeat(32)}`, `${SHA256}0`])(
    '%s is no digest',
    (reference) => {
      expect(() => parseRoute(`/v2/a/manifests/${reference}`)).toThrow(
        expect.objectContaining({ code: 'DIGEST_INVALID' }),
      )
    },
  )
})

test.each([
  ['manifests/blobs', `/v2/manifests/blobs/tags/list`],
  ['a/tags/list', '/v2/a/tags/list/tags/list'],
  ['a/blobs/uploads', '/v2/a/blobs/uploads/tags/list?n=1&last=%2B'],
])('the name may be %s', (name, url) => {
  expect(parseRoute(url)).toMatchObject({ kind: 'tags', name })
})

test('what stands behind the question mark is no part of the path', () => {
  const route = parseRoute('/v2/a/tags/list?last=a%2Bb&n=3/blobs/x')
  expect(route.kind === 'tags' && [route.query.get('last'), route.query.get('n')]).toEqual([
    'a+b',
    '3/blobs/x',
  ])
})

test.each([
  '/v2/tags/list',
  '/v2//tags/list',
  '/v2/a/manifests/',
  '/v2/a/tags/lists',
  '/v2/a',
  '/v3/a/tags/list',
])('%s is no path of the protocol', (url) =>
  expect(() => parseRoute(url)).toThrow(expect.objectContaining({ code: 'ROUTE_UNKNOWN' })),
)
