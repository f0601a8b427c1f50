import { expect, test } from '@jest/globals'
import { BufferPool } from '../../../src/cache/buffer-pool.ts'
import { paceOf, type PacedReader } from '../../../src/cache/pace.ts'
import { Window } from '../../../src/cache/window.ts'

const pool = new BufferPool({ large: 100, small: 100, limit: 10_000 })

/** Of 1000 bytes, filled up to `end`. */
function windowUpTo(end: number): Window {
  const window = new Window(1000, pool)
  window.push(new Uint8Array(end))
  window.trim()
  return window
}

const pace = (readers: PacedReader[], end: number, now = 0, visible = end): number =>
  paceOf(readers, windowUpTo(end), { incoming: 100, visible }, now)

test('nobody is waited for as long as there is room', () => {
  expect(pace([{ position: 0 }, { position: 500 }], 900)).toBe(0)
})

test('a fetch runs no further ahead of its fastest reader than the window reaches', () => {
  expect(pace([{ position: 50 }], 1000)).toBe(Infinity)
  expect(pace([{ position: 100 }], 1000)).toBe(0)
})

test('one who would be left behind is waited for, but only so long', () => {
  const slow: PacedReader = { position: 50 }
  const readers = [slow, { position: 1000 }]
  expect(pace(readers, 1000, 5_000)).toBe(2_000)
  expect(pace(readers, 1000, 6_500)).toBe(500)
  expect(pace(readers, 1000, 7_000)).toBe(0)
  expect(slow.alone).toBe(true)
})

test('one who has caught up in time is waited for again', () => {
  const slow: PacedReader = { position: 50 }
  const fast: PacedReader = { position: 1000 }
  expect(pace([slow, fast], 1000, 5_000)).toBe(2_000)
  slow.position = 600
  expect(pace([slow, fast], 1000, 6_000)).toBe(0)
  fast.position = 1500
  expect(pace([slow, fast], 1500, 9_000)).toBe(0)
  expect(pace([slow, fast], 1550, 9_000)).toBe(2_000)
})

test('one who was left behind is not waited for again, and one who comes too late is not at all', () => {
  const left: PacedReader = { position: 250, alone: true }
  const late: PacedReader = { position: 0 }
  expect(pace([left, late, { position: 1200 }], 1200)).toBe(0)
  expect(late.alone).toBe(true)
})

test('without readers it runs until the window is full', () => {
  expect(pace([], 900)).toBe(0)
  expect(pace([], 1000)).toBe(Infinity)
})
