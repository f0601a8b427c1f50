import { describe, expect, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import type { BlobCache } from '../../../src/cache/blob-cache.ts'
import type { ContentSource, ContentStat, Proof } from '../../../src/content/source.ts'
import { digestOf } from '../../../src/reference/digest.ts'
import { LayoutBlobs } from '../../../src/repository/ipfs/layout-blobs.ts'
import type { Layout } from '../../../src/repository/ipfs/layouts.ts'

const ROOT = CID.parse('bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354')
const LAYOUT = { base: { root: ROOT, segments: [] } } as unknown as Layout
const DIGEST = digestOf('sha256', 'ab'.repeat(32))
const { signal } = new AbortController()

/** Blobs of a source that says one size after the other, and of a cache that holds so many bytes. */
function blobs(sizes: number[], proof: Proof, cached?: { size: number | undefined }): LayoutBlobs {
  const stat = (): Promise<ContentStat> =>
    Promise.resolve({ kind: 'file', size: sizes.shift() ?? -1, cid: undefined, proof } as ContentStat)
  const cache = { sizeOf: () => cached?.size } as unknown as BlobCache
  return new LayoutBlobs({ stat } as unknown as ContentSource, cache)
}

describe('the size of a blob', () => {
  const sizeOf = async (of: LayoutBlobs): Promise<number> => (await of.find(LAYOUT, DIGEST, signal)).size

  test('that blocks have proved is asked for once', async () => {
    const proved = blobs([20, 10], 'blocks')
    expect([await sizeOf(proved), await sizeOf(proved)]).toEqual([20, 20])
  })

  test('that was only told is asked for again, until the blob is here', async () => {
    const cached = { size: undefined as number | undefined }
    const told = blobs([10, 20], 'none', cached)
    expect([await sizeOf(told), await sizeOf(told)]).toEqual([10, 20])
    cached.size = 30
    expect(await sizeOf(told)).toBe(30)
  })
})
