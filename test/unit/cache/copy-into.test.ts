import { expect, test } from '@jest/globals'
import { copyInto } from '../../../src/cache/copy-into.ts'

test.each([
  ['shared', (): Buffer => Buffer.from(new SharedArrayBuffer(8))],
  ['not shared', (): Buffer => Buffer.alloc(8)],
] as const)('bytes are copied to where they belong and nowhere else: memory that is %s', (_, make) => {
  const buffer = make()
  copyInto(buffer, Uint8Array.of(1, 2, 3), 1)
  copyInto(buffer, Uint8Array.of(9, 8, 7).subarray(1, 2), 7)
  copyInto(buffer, new Uint8Array(), 8)
  expect([...buffer]).toEqual([0, 1, 2, 3, 0, 0, 0, 8])
})
