import { expect, test } from '@jest/globals'
import { SharedLock } from '../../../src/cache/shared-lock.ts'

const { signal } = new AbortController()

/** Takes the lock and tells when it has it. */
function taking(lock: SharedLock, kind: 'shared' | 'exclusive', by = signal) {
  const state: { release?: () => void; error?: unknown } = {}
  const done = lock.take(kind, by).then(
    (release) => void (state.release = release),
    (error: unknown) => void (state.error = error),
  )
  return { state, done }
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

test('many share it, one has it alone, and who waits is not overtaken', async () => {
  const lock = new SharedLock()
  const [first, second] = [taking(lock, 'shared'), taking(lock, 'shared')]
  await Promise.all([first.done, second.done])
  const alone = taking(lock, 'exclusive')
  const [third, fourth] = [taking(lock, 'shared'), taking(lock, 'shared')]
  first.state.release?.()
  first.state.release?.()
  await settle()
  expect([alone, third, fourth].map(({ state }) => state.release)).toEqual([undefined, undefined, undefined])
  second.state.release?.()
  await alone.done
  await settle()
  expect(third.state.release).toBeUndefined()
  alone.state.release?.()
  await Promise.all([third.done, fourth.done])
})

test('who leaves while waiting holds nobody up', async () => {
  const lock = new SharedLock()
  const first = taking(lock, 'shared')
  await first.done
  const leaving = new AbortController()
  const alone = taking(lock, 'exclusive', leaving.signal)
  const next = taking(lock, 'shared')
  await settle()
  expect(next.state.release).toBeUndefined()
  leaving.abort(new Error('gone'))
  await Promise.all([alone.done, next.done])
  expect(alone.state.error).toEqual(new Error('gone'))
  await expect(lock.take('shared', leaving.signal)).rejects.toThrow('gone')
})

test('it is given back when the work fails', async () => {
  const lock = new SharedLock()
  const failing = (): Promise<never> => Promise.reject(new Error('failed'))
  await expect(lock.exclusive(signal, failing)).rejects.toThrow('failed')
  await expect(lock.shared(signal, failing)).rejects.toThrow('failed')
  expect(await lock.exclusive(signal, () => Promise.resolve('had it'))).toBe('had it')
})
