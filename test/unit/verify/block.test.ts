import { createHash } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import * as Multihash from 'multiformats/hashes/digest'
import { inlineBytes, MAX_BLOCK_BYTES, verifyBlock } from '../../../src/verify/block.ts'

const RAW = 0x55
const BYTES = Buffer.from('hello world')
const IDENTITY = CID.createV1(RAW, Multihash.create(0x00, BYTES))

function cidOf(code: number, digest: Uint8Array): CID {
  return CID.createV1(RAW, Multihash.create(code, digest))
}

const hashed = (algorithm: string, bytes: Uint8Array): Buffer => createHash(algorithm).update(bytes).digest()
const sha256 = (bytes: Uint8Array): CID => cidOf(0x12, hashed('sha256', bytes))
const invalid = (message: RegExp) =>
  expect.objectContaining({ code: 'CONTENT_INVALID', message: expect.stringMatching(message) })

describe.each([
  ['sha2-256', sha256(BYTES)],
  ['sha2-512', cidOf(0x13, hashed('sha512', BYTES))],
  ['identity', IDENTITY],
])('a block under %s', (_, cid) => {
  test('is taken when it is the one', () => verifyBlock(cid, BYTES, 'them'))

  test.each([
    ['changed', Buffer.from('hello worle')],
    ['cut', BYTES.subarray(0, -1)],
    ['longer', Buffer.concat([BYTES, BYTES])],
    ['nothing', Buffer.alloc(0)],
  ])('is refused when it is %s', (_name, bytes) => {
    expect(() => verifyBlock(cid, bytes, 'them')).toThrow(invalid(/^them sends .*not that block/))
  })
})

test('a hash that was cut proves nothing', () => {
  const short = cidOf(0x12, hashed('sha256', BYTES).subarray(0, 4))
  expect(() => verifyBlock(short, BYTES, 'them')).toThrow(invalid(/0x12\) can't be checked/))
})

test('a hash that is not known here can not be checked', () => {
  const blake3 = cidOf(0x1e, hashed('sha256', BYTES))
  expect(() => verifyBlock(blake3, BYTES, 'them')).toThrow(invalid(/0x1e\) can't be checked/))
})

test('a block may have so many bytes and no more', () => {
  const most = Buffer.alloc(MAX_BLOCK_BYTES, 7)
  verifyBlock(sha256(most), most, 'them')
  const more = Buffer.alloc(MAX_BLOCK_BYTES + 1, 7)
  expect(() => verifyBlock(sha256(more), more, 'them')).toThrow(invalid(/more than a block may have/))
})

test('what stands in the CID itself', () => {
  expect(Buffer.from(inlineBytes(IDENTITY) ?? [])).toEqual(BYTES)
  expect(inlineBytes(sha256(BYTES))).toBeUndefined()
})
