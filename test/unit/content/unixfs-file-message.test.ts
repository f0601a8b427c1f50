import { expect, test } from '@jest/globals'
import { UnixFS } from 'ipfs-unixfs'
import { encodeFileMessage } from '../../../src/content/unixfs/file-message.ts'

const GIB = 1024 ** 3

test.each([
  [[]],
  [[1]],
  [[127, 128, 16_383, 16_384]],
  [[GIB, 77]],
  [[GIB, GIB]],
  [[GIB, GIB, GIB / 2]],
  [[2 ** 31 - 1]],
  [[2 ** 31]],
  [[2 ** 32 - 1]],
  [[2 ** 32]],
  [[GIB * 1024, GIB * 1024, 5]],
])('says the sizes %j so that every decoder reads them', (sizes) => {
  const message = encodeFileMessage(sizes)
  const read = UnixFS.unmarshal(message)
  expect(read.type).toBe('file')
  expect(read.data).toBeUndefined()
  expect(read.blockSizes.map(Number)).toEqual(sizes)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  // Between 2 GiB and 4 GiB its encoder does not write what its decoder reads.
  if ([...sizes, total].every((size) => size < 2 * GIB || size >= 4 * GIB)) {
    expect(Buffer.from(message).equals(read.marshal())).toBe(true)
  }
})

test('writes a file of 2.5 GiB as Kubo does', () => {
  // `ipfs block get` of a file of that size, cut down to two children.
  const message = Buffer.from(encodeFileMessage([GIB * 2, GIB / 2]))
  expect(message.toString('hex')).toBe('0802' + '1880808080' + '0a' + '208080808008' + '208080808002')
})
