import { expect, test } from '@jest/globals'
import { createLogger } from '../../../src/observability/logger.ts'
import { RecentErrors, type NotedAnswer } from '../../../src/observability/recent-errors.ts'
import { CapturedStream } from '../../fixtures/captured-stream.ts'

const answer: NotedAnswer = {
  time: 1,
  request: 'an-id',
  method: 'GET',
  path: '/v2/app/manifests/v1?token=secret',
  status: 503,
  code: 'CONTENT_UNAVAILABLE',
  message: 'no source could give it',
}

test('warnings and errors of the log are noted, whatever its level, without passwords', () => {
  const errors = new RecentErrors()
  const stream = new CapturedStream()
  const logger = createLogger({
    level: 'error',
    format: 'json',
    stream,
    onTrouble: (entry) => errors.line(entry),
  })
  logger.info('all is well')
  logger.warn('slow', { source: 'https://user:secret@host/' })
  logger.child({ part: 'cache' }).error('broken')
  logger.flush()
  expect(errors.lines()).toMatchObject([
    { level: 'error', message: 'broken  part=cache' },
    { level: 'warn', message: 'slow  source=https://***@host/' },
  ])
  expect(stream.lines).toHaveLength(1)
})

test('answers of 500 and above are noted, without queries', () => {
  const errors = new RecentErrors()
  errors.answer(answer)
  errors.answer({ ...answer, status: 404 })
  expect(errors.answers()).toEqual([{ ...answer, path: '/v2/app/manifests/v1' }])
})

test('as much is kept as is looked at, however much comes', () => {
  const errors = new RecentErrors()
  for (let time = 0; time < 1000; time += 1) {
    errors.line({ time, level: 'warn', message: 'x'.repeat(10_000), base: undefined, fields: undefined })
    errors.answer({ ...answer, time, path: `/${'y'.repeat(10_000)}`, message: 'z'.repeat(10_000) })
  }
  expect(errors.lines().map(({ time }) => time)).toEqual(Array.from({ length: 20 }, (_, age) => 999 - age))
  expect(errors.answers()).toHaveLength(20)
  expect(JSON.stringify([errors.lines(), errors.answers()]).length).toBeLessThan(20 * 3 * 700)
})
