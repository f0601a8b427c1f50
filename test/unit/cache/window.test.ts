import { describe, expect, test } from '@jest/globals'
import { Window } from '../../../src/cache/window.ts'

const piece = (first: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => first + index)

function windowOf(limit: number, ...lengths: number[]): Window {
  const window = new Window(limit, 0)
  for (const length of lengths) window.push(piece(window.end, length))
  return window
}

describe('Window', () => {
  test('gives bytes from an offset to the end of their piece', () => {
    const window = windowOf(100, 4, 3)
    expect([...(window.at(0) ?? [])]).toEqual([0, 1, 2, 3])
    expect([...(window.at(2) ?? [])]).toEqual([2, 3])
    expect([...(window.at(4) ?? [])]).toEqual([4, 5, 6])
    expect(window.at(7)).toBeUndefined()
    expect([...window.concat()]).toEqual([0, 1, 2, 3, 4, 5, 6])
  })

  test('drops its oldest pieces beyond the limit', () => {
    const window = windowOf(6, 4, 3, 2)
    window.trim()
    expect([window.start, window.end]).toEqual([4, 9])
    expect(window.at(3)).toBeUndefined()
    expect([...(window.at(4) ?? [])]).toEqual([4, 5, 6])
  })

  test('keeps what is not on disk yet, whatever the limit', () => {
    const window = windowOf(2, 4, 4, 4)
    window.trim(7)
    expect(window.start).toBe(4)
    window.trim(12)
    expect(window.start).toBe(12)
  })

  test('tells which bytes one more piece would push out', () => {
    const window = windowOf(10, 4, 4)
    expect(window.wouldDrop(0, 2)).toBe(false)
    expect(window.wouldDrop(0, 3)).toBe(true)
    expect(window.wouldDrop(1, 3)).toBe(false)
  })
})
