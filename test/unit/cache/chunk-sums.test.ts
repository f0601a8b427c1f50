import { describe, expect, test } from '@jest/globals'
import { CHUNK, ChunkSums, checkedChunks, sumsMatch } from '../../../src/cache/chunk-sums.ts'
import { patternBytes } from '../../fixtures/content-tree.ts'
import { damaged } from '../../fixtures/controlled-blob.ts'

const BYTES = patternBytes(2 * CHUNK + 1000, 7)

function sumsOf(bytes: Uint8Array, pieceSize: number): ChunkSums {
  const sums = new ChunkSums()
  for (let at = 0; at < bytes.length; at += pieceSize) sums.update(bytes.subarray(at, at + pieceSize))
  return sums
}

/** In memory that is used again for each piece, as bodies may. */
async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const memory = new Uint8Array(size)
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size)
    memory.set(piece)
    yield await Promise.resolve(memory.subarray(0, piece.length))
    memory.fill(0xdd)
  }
}

async function check(bytes: Uint8Array, firstChunk: number): Promise<{ passed: Buffer; error: unknown }> {
  const passed: Uint8Array[] = []
  try {
    const wrong = (): Error => new Error('wrong')
    const checked = checkedChunks(pieces(bytes, 70_001), firstChunk, sumsOf(BYTES, 999), wrong)
    for await (const piece of checked) passed.push(new Uint8Array(piece))
  } catch (error) {
    return { passed: Buffer.concat(passed), error }
  }
  return { passed: Buffer.concat(passed), error: undefined }
}

describe('ChunkSums', () => {
  test('do not depend on the pieces', () => {
    const sums = sumsOf(BYTES, 10_007)
    expect(sums.complete).toBe(2)
    const all = sums.finish()
    expect(all).toHaveLength(3)
    expect(all).toEqual(sumsOf(BYTES, BYTES.length).finish())
    expect(sumsMatch(BYTES, 0, all)).toBe(true)
    expect(sumsMatch(BYTES.subarray(CHUNK), 1, all)).toBe(true)
  })

  test('of an empty stream are none', () => {
    expect(new ChunkSums().finish()).toHaveLength(0)
  })

  test.each([0, CHUNK - 1, CHUNK, BYTES.length - 1])('notice a wrong byte at %i', (at) => {
    expect(sumsMatch(damaged(BYTES, at), 0, sumsOf(BYTES, BYTES.length).finish())).toBe(false)
  })

  test('let a chunk pass only when all of it is right', async () => {
    const whole = BYTES.subarray(0, 2 * CHUNK)
    expect((await check(whole, 0)).passed.equals(whole)).toBe(true)
    expect((await check(whole.subarray(CHUNK), 1)).error).toBeUndefined()
    const { passed, error } = await check(damaged(whole, 2 * CHUNK - 1), 0)
    expect(error).toEqual(new Error('wrong'))
    expect(passed.equals(BYTES.subarray(0, CHUNK))).toBe(true)
  })
})
