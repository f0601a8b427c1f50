import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import * as Multihash from 'multiformats/hashes/digest'
import { textOf, wordOf } from './text.ts'

export const HEX = createHash('sha256').update('some content').digest('hex')
const hash = Multihash.create(0x12, Buffer.from(HEX, 'hex'))
const key = Multihash.create(0x00, Buffer.from(`08011220${HEX}`, 'hex'))

/** CIDs and keys in every spelling. */
export const IDS = [
  ...[0x55, 0x70, 0x72, 0x71].flatMap((codec) => {
    const cid = CID.createV1(codec, hash)
    return [cid.toString(), cid.toString(base58btc), cid.toString(base36)]
  }),
  CID.createV0(hash).toString(),
  CID.createV1(0x72, key).toString(base36),
  base58btc.encode(key.bytes).slice(1),
  CID.createV1(0x55, Multihash.create(0x00, Buffer.from('inline'))).toString(),
  'bafkqaaa',
]

const PIECES = [
  ...['a', '0', 'app', 'team', 'x1', '/', '/', '/', '.', '_', '__', '-', '--', ':', '@', 'A'],
  ...[
    'ipfs/',
    'ipns/',
    'library/',
    'docker.io/',
    'localhost:5000/',
    'example.org',
    'en-wikipedia--on--ipfs-org',
  ],
  ...['manifests', 'blobs', 'uploads', 'tags', 'list', 'referrers', '_catalog', 'v2', '10.0.0.1', 'xn--p1ai'],
  ...['a'.repeat(64), 'b'.repeat(129), 'c/'.repeat(120)],
  ...IDS,
]

export const idText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...IDS),
  textOf(IDS, 2),
  textOf(PIECES, 3),
)
export const nameText: fc.Arbitrary<string> = fc.oneof(
  textOf(PIECES),
  fc.tuple(fc.constantFrom('ipfs/', 'ipns/'), idText, textOf(PIECES, 4)).map((parts) => parts.join('')),
)
export const digestText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(`sha256:${HEX}`, `sha512:${HEX}${HEX}`),
  textOf(['sha256', 'sha512', 'sha1', ':', HEX, HEX.toUpperCase(), HEX.slice(1), 'ab', 'sha256:'], 4),
)
export const tagText: fc.Arbitrary<string> = textOf(['v1', 'latest', '1.0', '-', '.', '_', 'a'.repeat(64)], 4)
/** Globs over names, and names that may match. */
export const patternText: fc.Arbitrary<string> = wordOf(
  ['*', '**', '/', 'a', 'b', 'ab', '.', '-', '*/', '/**', 'a:1/'],
  7,
)
export const plainName: fc.Arbitrary<string> = wordOf(['a', 'b', 'ab', '/', '/', '.', '-', 'a:1/'], 8)
