import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { Failure } from '../../../src/errors.ts'
import { MappedRepository } from '../../../src/repository/mapped-repository.ts'
import type { ManifestAnswer, Repository } from '../../../src/repository/repository.ts'
import { digestOfBytes } from '../../fixtures/layouts.ts'

const WAIT = 2_000
const DIGEST = digestOfBytes(Buffer.from('a manifest'))
const { signal } = new AbortController()

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())

/** Answers with its name, never, or fails. */
function place(source: string, behaviour: { answer: 'here' | 'never' | Failure }): Repository {
  const answer = (): Promise<ManifestAnswer> => {
    const { answer: now } = behaviour
    if (now === 'never') return new Promise(() => undefined)
    return now === 'here' ? Promise.resolve({ source } as ManifestAnswer) : Promise.reject(now)
  }
  return { manifestByTag: answer, manifestByDigest: answer } as Partial<Repository> as Repository
}

test('a place that was too slow is waited for no more where both have the same, but for tags it is', async () => {
  const first = { answer: 'never' as 'here' | 'never' }
  const mapped = new MappedRepository(place('first', first), place('second', { answer: 'here' }), WAIT)

  const tag = mapped.manifestByTag('v1', signal)
  await jest.advanceTimersByTimeAsync(WAIT)
  expect((await tag).source).toBe('second')

  const digest = mapped.manifestByDigest(DIGEST, signal)
  await jest.advanceTimersByTimeAsync(0)
  expect((await digest).source).toBe('second')

  let answered = false
  const again = mapped.manifestByTag('v1', signal).finally(() => {
    answered = true
  })
  await jest.advanceTimersByTimeAsync(WAIT - 1)
  expect(answered).toBe(false)
  await jest.advanceTimersByTimeAsync(1)
  await again

  await jest.advanceTimersByTimeAsync(30_000)
  first.answer = 'here'
  expect((await mapped.manifestByDigest(DIGEST, signal)).source).toBe('first')
})

test.each([
  ['MANIFEST_UNKNOWN', 'MANIFEST_UNKNOWN', 'MANIFEST_UNKNOWN'],
  ['MANIFEST_UNKNOWN', 'CONTENT_UNAVAILABLE', 'CONTENT_UNAVAILABLE'],
  ['CONTENT_TIMEOUT', 'NAME_UNKNOWN', 'CONTENT_TIMEOUT'],
] as const)('when one says %s and the other %s, it is %s', async (one, other, both) => {
  const fails = (code: typeof one | typeof other): Repository =>
    place('either', { answer: new Failure(code, 'told to') })
  const mapped = new MappedRepository(fails(one), fails(other), WAIT)
  await expect(mapped.manifestByTag('v1', signal)).rejects.toMatchObject({ code: both })
})
