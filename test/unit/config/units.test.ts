import { describe, expect, test } from '@jest/globals'
import { formatDuration, formatSize, parseDuration, parseSize } from '../../../src/config/units.ts'

describe('durations', () => {
  test.each([
    ['0', 0],
    ['500ms', 500],
    ['25s', 25_000],
    ['1.5s', 1500],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
  ])('%s is %d ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected)
  })

  test.each([
    '',
    '25',
    '25 s',
    '-1s',
    '1w',
    's',
    '1e3s',
    '٣s',
    'Infinityms',
    '9'.repeat(20) + 'm',
    '9'.repeat(400) + 'd',
  ])('"%s" is none', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })

  test.each(['0', '1ms', '1500ms', '25s', '90s', '10m', '90m', '2h', '7d'])(
    '%s comes back as itself',
    (text) => {
      expect(formatDuration(parseDuration(text) ?? NaN)).toBe(text)
    },
  )
})

describe('sizes', () => {
  test.each([
    ['0', 0],
    ['1048576', 1_048_576],
    ['1B', 1],
    ['64MiB', 67_108_864],
    ['64mib', 67_108_864],
    ['20GB', 20_000_000_000],
    ['1.5 GiB', 1_610_612_736],
    ['2TiB', 2_199_023_255_552],
  ])('%s is %d bytes', (text, expected) => {
    expect(parseSize(text)).toBe(expected)
  })

  test.each(['', 'MiB', '-1', '1 potato', '64M', '1,5GiB', '9999999TiB', '0x10'])('"%s" is none', (text) => {
    expect(parseSize(text)).toBeUndefined()
  })

  test.each(['0', '1000', '1KiB', '64MiB', '1025MiB', '20GiB', '2TiB'])('%s comes back as itself', (text) => {
    expect(formatSize(parseSize(text) ?? NaN)).toBe(text)
  })
})
