import { expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors.ts'
import { SourceRecords } from '../../../src/observability/source-records.ts'

test('of a source that was never asked nothing is known', () => {
  expect(new SourceRecords().record('kubo')).toEqual({
    recent: { questions: 0, failures: 0 },
    firstByte: undefined,
    lastFailure: undefined,
  })
})

test('the first byte is the median of the last hundred answers, in ms', () => {
  const records = new SourceRecords()
  for (const seconds of [0.001, 0.003, 9]) records.answered('kubo', seconds)
  expect(records.record('kubo').firstByte).toBe(3)
  records.answered('kubo', 0.005)
  expect(records.record('kubo').firstByte).toBe(4)
  for (let count = 0; count < 100; count += 1) records.answered('kubo', 0.5)
  expect(records.record('kubo').firstByte).toBe(500)
})

test('what is not there is no failure, and the last failure stays known', () => {
  const records = new SourceRecords(() => 42)
  records.ended('kubo', new Failure('CONTENT_TIMEOUT', 'kubo at https://user:secret@host is slow'))
  records.ended('kubo', new Failure('CONTENT_NOT_FOUND', 'not there'))
  records.ended('kubo', undefined)
  records.ended('gateway:host', undefined)
  expect(records.record('kubo')).toMatchObject({
    recent: { questions: 3, failures: 1 },
    lastFailure: { time: 42, outcome: 'timeout', message: 'kubo at https://***@host is slow' },
  })
  expect(records.record('gateway:host').lastFailure).toBeUndefined()
  for (let count = 0; count < 100; count += 1) records.ended('kubo', undefined)
  expect(records.record('kubo').recent).toEqual({ questions: 100, failures: 0 })
  expect(records.record('kubo').lastFailure?.outcome).toBe('timeout')
})

test('a message has an end', () => {
  const records = new SourceRecords()
  records.ended('kubo', new Error('x'.repeat(100_000)))
  expect(records.record('kubo').lastFailure?.message).toHaveLength(500)
})
