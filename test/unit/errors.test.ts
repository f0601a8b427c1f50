import { readFile } from 'node:fs/promises'
import { runInNewContext } from 'node:vm'
import { expect, test } from '@jest/globals'
import { Failure, isFailure, messageOf, systemCodeOf } from '../../src/errors.ts'

test.each([
  [Object.assign(new Error('gone'), { code: 'ENOENT' }), 'ENOENT'],
  [runInNewContext("Object.assign(new Error('gone'), { code: 'ENOENT' })"), 'ENOENT'],
  [new Error('no code'), undefined],
  [Object.assign(new Error('a number'), { code: 2 }), undefined],
  ['ENOENT', undefined],
  [undefined, undefined],
  [null, undefined],
])('the code of %s is %s', (error, code) => expect(systemCodeOf(error)).toBe(code))

test('an error of the file system has its code', async () => {
  const error: unknown = await readFile('/nowhere/at/all').catch((reason: unknown) => reason)
  expect(systemCodeOf(error)).toBe('ENOENT')
})

test('the message of anything thrown', () => {
  expect(messageOf(new Failure('DENIED', 'not here'))).toBe('not here')
  expect(messageOf(runInNewContext("new Error('from elsewhere')"))).toBe('from elsewhere')
  expect(messageOf('a text')).toBe('a text')
  expect(messageOf(undefined)).toBe('undefined')
})

test('a failure is told by its codes', () => {
  const failure = new Failure('DENIED', 'no')
  expect([isFailure(failure), isFailure(failure, 'DENIED'), isFailure(failure, 'INTERNAL')]).toEqual([
    true,
    true,
    false,
  ])
  expect(isFailure(new Error('no'))).toBe(false)
})
