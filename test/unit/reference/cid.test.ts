import { describe, expect, test } from '@jest/globals'
import { bases } from 'multiformats/basics'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import * as Multihash from 'multiformats/hashes/digest'
import { CODEC, parseCid, parsePeerId } from '../../../src/reference/cid.ts'

const V0 = 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG'
const V1 = 'bafybeie5nqv6kd3qnfjupgvz34woh3oksc3iau6abmyajn7qvtf6d2ho34'

describe('parseCid', () => {
  const cid = CID.parse(V1)

  test.each(Object.keys(bases))('reads %s and writes base32', (name) => {
    const base = bases[name as keyof typeof bases]
    const text = base.encoder.encode(cid.bytes)
    expect(parseCid(text)?.toString()).toBe(V1)
  })

  test('reads CIDv0 as the CIDv1 of the same block', () => {
    expect(parseCid(V0)?.toString()).toBe(V1)
  })

  test('forgets a spelling in mixed case', () => {
    expect(parseCid('bAFYBEIE5nqv6kd3qnfjupgvz34woh3oksc3iau6abmyajn7qvtf6d2ho34')?.toString()).toBe(V1)
    expect(parseCid(V1.toUpperCase())?.toString()).toBe(V1)
  })

  test('reads identity multihashes', () => {
    expect(parseCid('bafkqaaa')?.code).toBe(CODEC.raw)
    expect(parseCid('bafkqaaa')?.multihash.size).toBe(0)
  })

  test.each([
    ['nothing', ''],
    ['a word', 'kubo'],
    ['a cut CID', V1.slice(0, -1)],
    ['a CID with more behind it', `${V1}aa`],
    ['a lower-cased CIDv0', V0.toLowerCase()],
    ['a CIDv0 behind a multibase prefix', base58btc.encode(CID.parse(V0).bytes)],
    ['a character outside the base', V1.replace('4', '1')],
    ['a multibase that does not exist', `!${V1}`],
    ['a surrogate', '\ud83d'],
    [
      'a truncated sha2-256',
      CID.createV1(CODEC.raw, Multihash.create(0x12, new Uint8Array(20).fill(7))).toString(),
    ],
    ['a text too long to decode cheaply', `k${'a'.repeat(2000)}`],
  ])('refuses %s', (_, text) => {
    expect(parseCid(text)).toBeUndefined()
  })
})

describe('parsePeerId', () => {
  test.each([
    ['12D3KooWCKuGQu6vnxCFR9R8Rpcd3u1Q2Fr9zwYCrEYXcXmFRzhP', 0x00],
    ['QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG', 0x12],
  ])('%s', (text, code) => {
    const key = parsePeerId(text)
    expect(key?.code).toBe(CODEC.libp2pKey)
    expect(key?.multihash.code).toBe(code)
    expect(base58btc.encode(key?.multihash.bytes ?? new Uint8Array()).slice(1)).toBe(text)
  })

  test.each(['', 'foo', '1', '12D3KooW', V1, '12D3KooWCKuGQu6vnxCFR9R8Rpcd3u1Q2Fr9zwYCrEYXcXmFRzhQa'])(
    'refuses %j',
    (text) => {
      expect(parsePeerId(text)).toBeUndefined()
    },
  )

  test('refuses an inlined text that is no public key', () => {
    const multihash = Multihash.create(0x00, new TextEncoder().encode('hello, world'))
    expect(parsePeerId(base58btc.encode(multihash.bytes).slice(1))).toBeUndefined()
  })
})
