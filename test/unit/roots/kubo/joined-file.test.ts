import { expect, test } from '@jest/globals'
import type { CID } from 'multiformats/cid'
import type { BlockReader } from '../../../../src/content/unixfs/blocks.ts'
import { FileDagBuilder } from '../../../../src/content/unixfs/file-dag.ts'
import { canJoin, joinedFile } from '../../../../src/roots/kubo/joined-file.ts'

const MiB = 1024 * 1024
const { signal } = new AbortController()

/** A file of leaves that are all alike, without their bytes. */
function fileOf(size: number, blocks: Map<string, Uint8Array>): { cid: CID; size: number; dagSize: number } {
  const dag = new FileDagBuilder()
  const leaf = Buffer.alloc(MiB, 7)
  for (let at = 0; at < size; at += MiB) dag.write(leaf.subarray(0, Math.min(MiB, size - at)))
  const { cid, dagSize, innerBlocks } = dag.finish()
  for (const block of innerBlocks) blocks.set(block.cid.toString(), block.bytes)
  return { cid, size, dagSize }
}

test.each([
  [[3 * MiB, 5]],
  [[MiB, MiB, MiB]],
  // so many leaves that there are two levels above them, in the whole and in a part
  [[1024 * MiB, 2 * MiB]],
  [[1025 * MiB, MiB, 17]],
])('the parts %j are the same file as the whole', async (sizes) => {
  const blocks = new Map<string, Uint8Array>()
  const reader: BlockReader = {
    get: (cid) => {
      const bytes = blocks.get(cid.toString())
      // leaves are never read
      return bytes === undefined
        ? Promise.reject(new Error(`read ${cid.toString()}`))
        : Promise.resolve(bytes)
    },
  }
  const parts = sizes.map((size) => fileOf(size, blocks))
  expect(canJoin(parts)).toBe(true)
  const whole = fileOf(
    sizes.reduce((sum, size) => sum + size, 0),
    new Map(),
  )
  const { cid, size, dagSize } = await joinedFile(parts, reader, signal)
  expect([cid.toString(), size, dagSize]).toEqual([whole.cid.toString(), whole.size, whole.dagSize])
})

test('parts whose leaves are others than those of the whole can not be joined', () => {
  const blocks = new Map<string, Uint8Array>()
  expect(canJoin([fileOf(MiB + 1, blocks), fileOf(5, blocks)])).toBe(false)
  expect(canJoin([fileOf(MiB + 1, blocks)])).toBe(true)
  expect(canJoin([])).toBe(true)
})
