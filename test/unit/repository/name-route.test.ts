import { describe, expect, test } from '@jest/globals'
import { routeName, type UpstreamNames } from '../../../src/repository/name-route.ts'

const CID = 'bafybeidixxsiukzjhvans2xkbh3mfzq4vhmou6mzkky5mzamkp6gsxwgve'

const names: UpstreamNames = {
  byAlias: new Map([
    ['docker.io', 'docker.io'],
    ['registry-1.docker.io', 'docker.io'],
    ['ghcr.io', 'ghcr.io'],
    ['registry.example:5000', 'registry.example:5000'],
    ['corp', 'registry.example:5000'],
  ]),
  fallback: 'docker.io',
}

const ordinary = (canonical: string, upstream: string | undefined, repository: string) => ({
  kind: 'ordinary',
  canonical,
  upstream,
  repository,
})

/** As {@link ordinary}, of a name that names no registry: a repository pushed here may have it. */
const plain = (name: string, ...route: Parameters<typeof ordinary>) => ({
  ...ordinary(...route),
  plain: name,
})

describe('asked as itself', () => {
  test.each([
    ['library/alpine', 'docker.io/library/alpine', 'docker.io', 'library/alpine'],
    ['alpine', 'docker.io/library/alpine', 'docker.io', 'library/alpine'],
    // Docker Hub has an organisation of this name.
    ['ipfs/kubo', 'docker.io/ipfs/kubo', 'docker.io', 'ipfs/kubo'],
    ['ipns/foo', 'docker.io/ipns/foo', 'docker.io', 'ipns/foo'],
    ['ghcr.io', 'docker.io/library/ghcr.io', 'docker.io', 'library/ghcr.io'],
  ])('%s, which names no registry', (name, canonical, upstream, repository) => {
    expect(routeName(name, undefined, names)).toEqual(plain(name, canonical, upstream, repository))
  })

  test.each([
    ['ghcr.io/org/app', 'ghcr.io/org/app', 'ghcr.io', 'org/app'],
    ['ghcr.io/app', 'ghcr.io/app', 'ghcr.io', 'app'],
    ['docker.io/alpine', 'docker.io/library/alpine', 'docker.io', 'library/alpine'],
    ['registry-1.docker.io/a/b', 'docker.io/a/b', 'docker.io', 'a/b'],
    ['corp/team/app', 'registry.example:5000/team/app', 'registry.example:5000', 'team/app'],
    // A registry that is not configured is never another one's image.
    ['quay.io/org/app', 'quay.io/org/app', undefined, 'org/app'],
    ['localhost/app', 'localhost/app', undefined, 'app'],
  ])('%s', (name, canonical, upstream, repository) => {
    expect(routeName(name, undefined, names)).toEqual(ordinary(canonical, upstream, repository))
  })

  test('content paths are content', () => {
    expect(routeName(`ipfs/${CID}/alpine`, undefined, names)).toMatchObject({ kind: 'ipfs' })
    expect(routeName('ipns/images.example.org/alpine', undefined, names)).toMatchObject({ kind: 'ipns' })
  })

  test('without a default upstream a name without a registry is nobody’s', () => {
    const route = routeName('library/alpine', undefined, { ...names, fallback: undefined })
    expect(route).toEqual(plain('library/alpine', 'library/alpine', undefined, 'library/alpine'))
  })

  test.each(['a//b', 'a/../b', 'A/b', 'ghcr.io/'])('%s is no name', (name) => {
    expect(() => routeName(name, undefined, names)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }))
  })
})

describe('asked as a mirror', () => {
  test.each([
    ['alpine', 'docker.io', 'docker.io/library/alpine', 'docker.io', 'library/alpine'],
    ['library/alpine', 'registry-1.docker.io', 'docker.io/library/alpine', 'docker.io', 'library/alpine'],
    ['org/app', 'GHCR.io', 'ghcr.io/org/app', 'ghcr.io', 'org/app'],
    ['app', 'ghcr.io', 'ghcr.io/app', 'ghcr.io', 'app'],
    [
      'team/app',
      'registry.example:5000',
      'registry.example:5000/team/app',
      'registry.example:5000',
      'team/app',
    ],
    // The first component is the image's, whatever it looks like.
    ['ghcr.io/app', 'docker.io', 'docker.io/ghcr.io/app', 'docker.io', 'ghcr.io/app'],
    ['org/app', 'evil.example', 'evil.example/org/app', undefined, 'org/app'],
    [`ipfs/${CID}/alpine`, 'ghcr.io', `ghcr.io/ipfs/${CID}/alpine`, 'ghcr.io', `ipfs/${CID}/alpine`],
  ])('%s of %s', (name, namespace, canonical, upstream, repository) => {
    expect(routeName(name, namespace, names)).toEqual(ordinary(canonical, upstream, repository))
  })

  test('what is typed without a registry is of Docker Hub to a runtime, so there content paths are content', () => {
    expect(routeName(`ipfs/${CID}/alpine`, 'docker.io', names)).toMatchObject({ kind: 'ipfs' })
    expect(routeName('ipfs/kubo', 'docker.io', names)).toMatchObject({ upstream: 'docker.io' })
  })

  test.each(['', 'a b', 'x@y', 'http://ghcr.io', 'a/b', `${'a'.repeat(300)}:x`, '[::1]:5000'])(
    '"%s" is no registry',
    (namespace) => {
      expect(() => routeName('org/app', namespace, names)).toThrow(
        expect.objectContaining({ code: 'NAME_UNKNOWN' }),
      )
    },
  )
})
