import { describe, expect, test } from '@jest/globals'
import { base16 } from 'multiformats/bases/base16'
import { base32hex, base32z } from 'multiformats/bases/base32'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { base64url } from 'multiformats/bases/base64'
import { CID } from 'multiformats/cid'
import * as Multihash from 'multiformats/hashes/digest'
import { Failure } from '../../../src/errors.ts'
import { parseCid } from '../../../src/reference/cid.ts'
import { parseRepositoryName } from '../../../src/reference/name.ts'

const V0 = 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG'
const V1 = 'bafybeie5nqv6kd3qnfjupgvz34woh3oksc3iau6abmyajn7qvtf6d2ho34'
const RAW = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const PEER = '12D3KooWCKuGQu6vnxCFR9R8Rpcd3u1Q2Fr9zwYCrEYXcXmFRzhP'
const cid = CID.parse(V1)
const key = CID.createV1(0x72, Multihash.decode(base58btc.decode(`z${PEER}`)))
const KEY = key.toString(base36)

function withCodec(code: number): string {
  return CID.createV1(code, cid.multihash).toString()
}

function failureOf(name: string): Failure {
  try {
    parseRepositoryName(name)
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error(`"${name}" was taken`)
}

describe('content', () => {
  test.each([
    ['base32', V1],
    ['base36', cid.toString(base36)],
    ['base16', cid.toString(base16)],
    ['base32hex', cid.toString(base32hex)],
    ['base32z', cid.toString(base32z)],
    ['CIDv0', V0],
    ['base58btc', cid.toString(base58btc)],
    ['base64url', cid.toString(base64url)],
    ['capitals', V1.toUpperCase()],
  ])('by a CID in %s', (_, text) => {
    const name = parseRepositoryName(`ipfs/${text}/alpine`)
    expect(name).toMatchObject({ kind: 'ipfs', name: `ipfs/${text}/alpine`, segments: ['alpine'] })
    expect(name.kind === 'ipfs' && name.root.toString()).toBe(V1)
  })

  test('of raw leaves, and inlined in the CID', () => {
    expect(parseRepositoryName(`ipfs/${RAW}`).kind).toBe('ipfs')
    expect(parseRepositoryName('ipfs/bafkqaaa').kind).toBe('ipfs')
  })

  test('at the root itself, and at any depth', () => {
    expect(parseRepositoryName(`ipfs/${V1}`)).toMatchObject({ kind: 'ipfs', segments: [] })
    expect(parseRepositoryName(`ipfs/${V1}/a/b/c/d/e/f/g`)).toMatchObject({
      segments: ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
    })
  })

  test('below folders named like endpoints', () => {
    expect(parseRepositoryName(`ipfs/${V1}/manifests/blobs/tags`)).toMatchObject({
      segments: ['manifests', 'blobs', 'tags'],
    })
  })

  test('a lower-cased Qm… is refused with advice', () => {
    const failure = failureOf(`ipfs/${V0.toLowerCase()}/alpine`)
    expect(failure.code).toBe('NAME_INVALID')
    expect(failure.message).toContain('ipfs cid base32 Qm…')
  })

  test('a lower-cased zb2rh… likewise', () => {
    const text = CID.parse(RAW).toString(base58btc).toLowerCase()
    expect(failureOf(`ipfs/${text}`)).toMatchObject({
      code: 'NAME_INVALID',
      message: expect.stringContaining('ipfs cid base32 z…'),
    })
  })

  test('an IPNS key under ipfs/ is refused with the name to use', () => {
    expect(failureOf(`ipfs/${KEY}/alpine`)).toMatchObject({
      code: 'NAME_INVALID',
      message: expect.stringContaining(`ipns/${KEY}`),
    })
  })

  test.each([
    [0x71, 'dag-cbor'],
    [0x0129, 'dag-json'],
    [0x0202, 'car'],
    [0x300539, '0x300539'],
  ])('codec 0x%s is refused by name', (code, expected) => {
    expect(failureOf(`ipfs/${withCodec(code)}`)).toMatchObject({
      code: 'NAME_INVALID',
      message: expect.stringContaining(expected),
    })
  })

  test.each(['kubo', 'go-ipfs', 'kubo/sub', V1.slice(0, -2), `${V1}a`, 'qmshort', 'bciq', 'z', 'k', '0'])(
    'ipfs/%s is an upstream name',
    (rest) => {
      expect(parseRepositoryName(`ipfs/${rest}`)).toEqual({ kind: 'upstream', name: `ipfs/${rest}` })
    },
  )
})

describe('mutable names', () => {
  test.each([
    ['base36', KEY],
    ['base32', key.toString()],
    ['base16', key.toString(base16)],
    ['base58btc', key.toString(base58btc)],
    ['a PeerID', PEER],
  ])('a key as %s', (_, text) => {
    const name = parseRepositoryName(`ipns/${text}/alpine`)
    expect(name).toMatchObject({ kind: 'ipns', segments: ['alpine'], mutable: { kind: 'key', text: KEY } })
    expect(name.kind === 'ipns' && name.mutable.kind === 'key' && name.mutable.key.equals(key)).toBe(true)
  })

  test('a PeerID of an RSA key', () => {
    const expected = CID.createV1(0x72, CID.parse(V0).multihash).toString(base36)
    expect(parseRepositoryName(`ipns/${V0}`)).toMatchObject({ mutable: { kind: 'key', text: expected } })
    expect(parseRepositoryName(`ipns/${expected}`)).toMatchObject({
      mutable: { kind: 'key', text: expected },
    })
  })

  test.each([
    'example.org',
    'images.example.org',
    'en.wikipedia-on-ipfs.org',
    'xn--bcher-kva.example',
    'a_b.example.org',
    'vitalik.eth',
    'example.xn--p1ai',
    `${'a'.repeat(63)}.example`,
  ])('DNSLink %s', (text) => {
    expect(parseRepositoryName(`ipns/${text}/alpine`)).toMatchObject({
      kind: 'ipns',
      mutable: { kind: 'dnslink', text },
      segments: ['alpine'],
    })
  })

  test.each([
    ['en-wikipedia--on--ipfs-org', 'en.wikipedia-on-ipfs.org'],
    ['docs-ipfs-tech', 'docs.ipfs.tech'],
    ['xn----bcher--kva-example', 'xn--bcher-kva.example'],
  ])('inlined %s', (label, text) => {
    expect(parseRepositoryName(`ipns/${label}/x`)).toMatchObject({ mutable: { kind: 'dnslink', text } })
  })

  test.each(['foo', 'foo/bar', 'foo--bar', 'kubo-1', 'a---b', 'v-2', 'x-y', 'a_b'])(
    'ipns/%s is an upstream name',
    (rest) => {
      expect(parseRepositoryName(`ipns/${rest}`)).toEqual({ kind: 'upstream', name: `ipns/${rest}` })
    },
  )

  test.each(['10.0.0.1', 'v1.2', `${'a'.repeat(64)}.example`, `${'a.'.repeat(130)}example`])(
    'ipns/%s is refused: no domain name',
    (text) => {
      expect(failureOf(`ipns/${text}`)).toMatchObject({
        code: 'NAME_INVALID',
        message: expect.stringContaining('DNSLink'),
      })
    },
  )

  test('the CID of content under ipns/ is refused with the name to use', () => {
    expect(failureOf(`ipns/${V1}`)).toMatchObject({
      code: 'NAME_INVALID',
      message: expect.stringContaining(`ipfs/${V1}`),
    })
  })

  test.each([PEER.toLowerCase(), V0.toLowerCase()])(
    'lower-cased PeerID %s is refused with advice',
    (text) => {
      expect(failureOf(`ipns/${text}`)).toMatchObject({
        code: 'NAME_INVALID',
        message: expect.stringContaining('base36'),
      })
    },
  )

  test('a libp2p-key CID that inlines no key is refused', () => {
    const none = CID.createV1(0x72, Multihash.create(0x00, new Uint8Array(8)))
    expect(failureOf(`ipns/${none.toString(base36)}`).code).toBe('NAME_INVALID')
    expect(parseCid(none.toString(base36))).toBeDefined()
  })
})

describe('other names', () => {
  test.each([
    'alpine',
    'library/alpine',
    'ipfs',
    'ipns',
    'a_b.c__d',
    'a--b',
    'a/b/c/d/e/f/g/h',
    `a/${'b'.repeat(253)}`,
  ])('%s goes upstream', (name) => {
    expect(parseRepositoryName(name)).toEqual({ kind: 'upstream', name })
  })
})

describe('grammar', () => {
  const bad = [
    '-a',
    'a-',
    'a..b',
    'a___b',
    'a.-b',
    '..',
    '.',
    '',
    'A',
    'a b',
    'a%2fb',
    'a:b',
    'ä',
    'a\n',
    '_x',
  ]
  const bases = ['', 'library/', `ipfs/${V1}/`, 'ipns/example.org/', 'ipfs/kubo/', 'ipns/foo/']

  test.each(bases.flatMap((base) => bad.map((component) => `${base}${component}`)))(
    '%j is refused',
    (name) => {
      expect(failureOf(name).code).toBe('NAME_INVALID')
    },
  )

  test.each([
    `ipfs//${V1}`,
    `ipfs/${V1}/`,
    `ipfs/${V1}//x`,
    `/ipfs/${V1}`,
    'ipfs/',
    'ipns/',
    'ipns/_dnslink.example.org',
    'ipns/example.org.',
    'ipns/Example.org',
    'ipns/en__x___y-example-org',
    'ipns/Docs-ipfs-tech',
    'ipfs/Kubo',
    'ipfs/kubo-',
    `IPFS/${V1}`,
    `ipfs/${V0.slice(0, -1)}`,
    `ipfs/${V1}/Alpine`,
    `ipfs/${V1}/../x`,
    `ipfs/${V1}/%2e%2e/x`,
    `ipfs/${V1}%2Falpine`,
  ])('%j is refused', (name) => {
    expect(failureOf(name).code).toBe('NAME_INVALID')
  })

  test('length', () => {
    expect(parseRepositoryName('a'.repeat(255)).kind).toBe('upstream')
    expect(failureOf('a'.repeat(256)).message).toContain('255')
    expect(failureOf(`ipfs/kubo/${'a'.repeat(250)}`).message).toContain('255')
    const deep = `ipfs/${V1}/${'a/'.repeat(479)}ab`
    expect(deep).toHaveLength(1025)
    expect(parseRepositoryName(deep.slice(0, -1)).kind).toBe('ipfs')
    expect(failureOf(deep).message).toContain('1024')
  })

  test('a message stays short and says what is wrong', () => {
    expect(failureOf(`ipfs/${V1}/${'B'.repeat(900)}`).message.length).toBeLessThan(400)
    expect(failureOf(`ipfs/${V1}/Alpine`).message).toContain('lower case')
    expect(failureOf('ipfs//x').message).toContain('empty')
  })
})
