import { expect, test } from '@jest/globals'
import {
  bytesText,
  countedText,
  millisecondsText,
  secondsText,
  shareText,
  timeText,
} from '../../../src/observability/status-text.ts'

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1024 ** 2 - 1, '1.0 MiB'],
  [1024 ** 5 * 3000, '3000.0 PiB'],
])('%d bytes are %s', (bytes, text) => expect(bytesText(bytes)).toBe(text))

test.each([
  [0, '0 s'],
  [59.9, '59 s'],
  [60, '1 min'],
  [3600, '1 h'],
  [7260, '2 h 1 min'],
  [86_400, '1 d'],
  [90_000, '1 d 1 h'],
])('%d seconds are %s', (seconds, text) => expect(secondsText(seconds)).toBe(text))

test.each([
  [0.04, '0.0 ms'],
  [9.94, '9.9 ms'],
  [9.96, '10 ms'],
  [999.4, '999 ms'],
  [999.6, '1.0 s'],
])('%d ms are %s', (ms, text) => expect(millisecondsText(ms)).toBe(text))

test.each([
  [0, 0, '–'],
  [0, 5, '0 %'],
  [1, 1000, '< 1 %'],
  [1, 3, '33 %'],
])('%d of %d are %s', (part, whole, text) => expect(shareText(part, whole)).toBe(text))

test('counts and times', () => {
  expect(countedText(1, 'blob')).toBe('1 blob')
  expect(countedText(12_345, 'blob')).toBe('12,345 blobs')
  expect(timeText('2026-01-02T03:04:05.678Z')).toBe('2026-01-02 03:04:05')
})
