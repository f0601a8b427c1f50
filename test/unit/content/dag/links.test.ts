import { describe, expect, test } from '@jest/globals'
import * as dagCbor from '@ipld/dag-cbor'
import * as dagJson from '@ipld/dag-json'
import * as dagPb from '@ipld/dag-pb'
import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as Multihash from 'multiformats/hashes/digest'
import { linksOf, namedLinksOf } from '../../../../src/content/dag/links.ts'

const cidOf = (codec: number, bytes: Uint8Array): CID =>
  CID.createV1(codec, Multihash.create(0x12, createHash('sha256').update(bytes).digest()))
const inline = (codec: number, bytes: Uint8Array): CID => CID.createV1(codec, Multihash.create(0, bytes))
const leaf = (text: string): CID => cidOf(0x55, Buffer.from(text))

const [a, b, c] = [leaf('a'), leaf('b'), leaf('c')]
const texts = (links: readonly CID[]): string[] => links.map(String)
const links = (codec: number, bytes: Uint8Array): string[] => texts(linksOf(cidOf(codec, bytes), bytes))

const pb = (...children: readonly CID[]): Uint8Array =>
  dagPb.encode(
    dagPb.createNode(
      new Uint8Array(),
      children.map((cid) => dagPb.createLink('', 1, cid)),
    ),
  )

describe('the links of', () => {
  test('dag-pb come in their order, repeats included', () => {
    expect(links(dagPb.code, pb(b, a, b))).toEqual(texts([b, a, b]))
  })

  test('dag-cbor and dag-json are found at any depth', () => {
    const value = { list: [1, { deep: a }, null], more: { x: b }, text: c.toString(), bytes: c.bytes, z: a }
    for (const { code, encode } of [dagCbor, dagJson]) {
      expect(links(code, encode(value)).sort()).toEqual(texts([a, b, a]).sort())
    }
    expect(links(dagCbor.code, dagCbor.encode([c, [a], b]))).toEqual(texts([c, a, b]))
  })

  test('a block that is a link and nothing else', () => {
    expect(links(dagCbor.code, dagCbor.encode(a))).toEqual([a.toString()])
  })

  test('CIDv0 stay that', () => {
    const v0 = CID.parse('QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn')
    expect(links(dagPb.code, pb(v0))).toEqual([v0.toString()])
  })

  test.each([
    ['raw', 0x55],
    ['json', 0x0200],
    ['cbor', 0x51],
    ['something unknown', 0x300000],
  ])('%s are none', (_, codec) => {
    expect(links(codec, dagCbor.encode(a))).toEqual([])
  })
})

test('what stands in an identity CID is replaced by its own links', () => {
  const below = inline(dagCbor.code, dagCbor.encode([b, inline(0x55, Buffer.from('text'))]))
  expect(links(dagPb.code, pb(a, below, c))).toEqual(texts([a, b, c]))
  const root = inline(dagPb.code, pb(a))
  expect(texts(linksOf(root, root.multihash.digest))).toEqual([a.toString()])
})

test('what only looks like a CID is data', () => {
  // A map, since the encoder would take an object like this for a CID as well.
  const like = new Map(Object.entries({ '/': 5, bytes: 5, version: 1, code: 0x55 }))
  expect(links(dagCbor.code, dagCbor.encode([like]))).toEqual([])
})

test('links hold nothing of the block', () => {
  const bytes = pb(a)
  const [link] = linksOf(cidOf(dagPb.code, bytes), bytes)
  bytes.fill(0)
  expect(link?.equals(a)).toBe(true)
})

describe('refused as unsound', () => {
  test.each([
    ['cut dag-pb', dagPb.code, pb(a).subarray(0, 10), /is no sound dag-pb/],
    ['cut dag-cbor', dagCbor.code, dagCbor.encode([a]).subarray(0, 10), /is no sound dag-cbor/],
    ['text that is no JSON', dagJson.code, Buffer.from('{"a":'), /is no sound dag-json/],
    [
      'dag-cbor nested without end',
      dagCbor.code,
      Buffer.alloc(2 * 1024 * 1024, 0x81),
      /is no sound dag-cbor/,
    ],
    ['an identity CID of many bytes', dagPb.code, pb(inline(0x55, Buffer.alloc(129))), /129 bytes/],
  ])('%s', (_, codec, bytes, message) => {
    expect(() => links(codec, bytes)).toThrow(message)
    expect(() => links(codec, bytes)).toThrow(expect.objectContaining({ code: 'CONTENT_NOT_FOUND' }))
  })
})

describe('the named links of dag-pb', () => {
  const named = (...given: readonly dagPb.PBLink[]): ReturnType<typeof namedLinksOf> => {
    const bytes = dagPb.encode(dagPb.createNode(new Uint8Array(), [...given]))
    return namedLinksOf(cidOf(dagPb.code, bytes), bytes)
  }

  test('have their names, and identity CIDs as they stand', () => {
    const text = inline(0x55, Buffer.from('text'))
    const found = named(dagPb.createLink('one', 1, b), dagPb.createLink('two', 1, text))
    expect(found.map(({ name, cid }) => `${name} ${cid.toString()}`)).toEqual([
      `one ${b.toString()}`,
      `two ${text.toString()}`,
    ])
  })

  test('are refused with an identity CID that is too long', () => {
    expect(() => named(dagPb.createLink('', 1, inline(0x55, Buffer.alloc(129))))).toThrow(
      expect.objectContaining({ code: 'CONTENT_NOT_FOUND' }),
    )
  })

  test('are refused where there is no dag-pb', () => {
    const bytes = Buffer.from('no dag-pb')
    expect(() => namedLinksOf(cidOf(dagPb.code, bytes), bytes)).toThrow(
      expect.objectContaining({ code: 'CONTENT_NOT_FOUND' }),
    )
  })
})
