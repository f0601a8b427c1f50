import { beforeEach, describe, expect, test } from '@jest/globals'
import { BufferPool } from '../../../src/cache/buffer-pool.ts'
import { Window } from '../../../src/cache/window.ts'

/** Buffers of four bytes, which show when they are used after they were given back. */
class SmallPool extends BufferPool {
  lentBuffers = 0

  override take(): Buffer {
    this.lentBuffers += 1
    return super.take()
  }

  override give(buffer: Buffer): void {
    this.lentBuffers -= 1
    buffer.fill(0xee)
    super.give(buffer)
  }
}

let pool: SmallPool
beforeEach(() => void (pool = new SmallPool({ large: 4, small: 4, limit: 1000 })))

function windowOf(limit: number, ...lengths: number[]): Window {
  const window = new Window(limit, pool)
  for (const length of lengths) {
    const { end } = window
    const piece = Uint8Array.from({ length }, (_, index) => end + index)
    window.push(piece)
    piece.fill(0xdd)
  }
  return window
}

function bytesAt(window: Window, position: number): number[] {
  return [...(window.at(position) ?? [])]
}

describe('Window', () => {
  test('gives bytes from an offset to the end of their buffer, whatever the pieces were', () => {
    const window = windowOf(100, 3, 3)
    expect(bytesAt(window, 0)).toEqual([0, 1, 2, 3])
    expect(bytesAt(window, 2)).toEqual([2, 3])
    expect(bytesAt(window, 4)).toEqual([4, 5])
    expect(window.at(6)).toBeUndefined()
    expect([...window.concat()]).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('tells up to where its buffers are full', () => {
    expect(windowOf(100).sealed).toBe(0)
    expect(windowOf(100, 3).sealed).toBe(0)
    expect(windowOf(100, 3, 1).sealed).toBe(4)
    expect(windowOf(100, 9).sealed).toBe(8)
  })

  test('drops its oldest buffers beyond the limit', () => {
    const window = windowOf(5, 4, 3, 2)
    window.trim()
    expect([window.start, window.end]).toEqual([4, 9])
    expect(window.at(3)).toBeUndefined()
    expect(bytesAt(window, 4)).toEqual([4, 5, 6, 7])
    expect(pool.lentBuffers).toBe(2)
  })

  test('keeps what is not on disk yet, whatever the limit', () => {
    const window = windowOf(0, 12)
    window.trim(7)
    expect(window.start).toBe(4)
    window.trim(12)
    expect(window.start).toBe(12)
  })

  test('tells which bytes one more piece could push out', () => {
    const window = windowOf(10, 8)
    expect(window.wouldDrop(0, 2)).toBe(false)
    expect(window.wouldDrop(0, 3)).toBe(true)
    expect(window.wouldDrop(1, 3)).toBe(false)
  })

  test('gives back no buffer that someone holds, and all others', () => {
    const window = windowOf(0, 12)
    const held = window.hold(5)
    window.clear()
    expect(pool.lentBuffers).toBe(1)
    expect([...(held?.bytes ?? [])]).toEqual([5, 6, 7])
    expect(window.hold(5)).toBeUndefined()
    held?.done()
    expect(pool.lentBuffers).toBe(0)
  })

  test('goes on after it was cleared', () => {
    const window = windowOf(100, 6)
    window.clear()
    expect([window.start, window.end]).toEqual([6, 6])
    window.push(Uint8Array.of(6, 7))
    expect(bytesAt(window, 6)).toEqual([6, 7])
  })
})
