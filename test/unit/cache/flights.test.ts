import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { Flights } from '../../../src/cache/flights.ts'
import { Failure } from '../../../src/errors.ts'
import { deferred } from '../../fixtures/name-lookups.ts'

const LINGER = 1_000
const LATE = new Failure('CONTENT_TIMEOUT', 'too late')
const GONE = new Failure('CONTENT_UNAVAILABLE', 'the client has left')

/** One piece of work that ends when told, and remembers each time it was begun. */
class Work {
  readonly begun: { signal: AbortSignal; end: ReturnType<typeof deferred<string>> }[] = []

  readonly run = (signal: AbortSignal): Promise<string> => {
    const end = deferred<string>()
    this.begun.push({ signal, end })
    return end.promise
  }

  get last() {
    const last = this.begun.at(-1)
    if (last === undefined) throw new Error('it was never begun')
    return last
  }
}

let flights: Flights<string>
let work: Work

beforeEach(() => {
  jest.useFakeTimers()
  flights = new Flights(LINGER)
  work = new Work()
})

afterEach(() => {
  jest.useRealTimers()
})

const join = (signal = new AbortController().signal, key = 'key') => flights.join(key, signal, work.run)
const outcome = (joined: Promise<string>) => joined.catch((error: unknown) => error)

describe('join', () => {
  test('who wants the same shares the work; who wants another has his own', async () => {
    const joined = [join(), join(), join(undefined, 'another')]
    expect(work.begun).toHaveLength(2)
    work.begun[0]?.end.resolve('shared')
    work.begun[1]?.end.resolve('own')
    expect(await Promise.all(joined)).toEqual(['shared', 'shared', 'own'])
  })

  test('what was done is not kept: the next one begins anew', async () => {
    const first = join()
    work.last.end.resolve('first')
    await first
    const second = join()
    work.last.end.resolve('second')
    expect(await second).toBe('second')
    expect(work.begun).toHaveLength(2)
  })

  test('a failure reaches all who wait, and nobody after them', async () => {
    const failure = new Failure('CONTENT_INVALID', 'wrong')
    const joined = [outcome(join()), outcome(join())]
    work.last.end.reject(failure)
    expect(await Promise.all(joined)).toEqual([failure, failure])
    const next = join()
    work.last.end.resolve('right')
    expect(await next).toBe('right')
    expect(work.begun).toHaveLength(2)
  })

  test('who has left already begins nothing', async () => {
    expect(await outcome(join(AbortSignal.abort(GONE)))).toBe(GONE)
    expect(work.begun).toHaveLength(0)
  })
})

describe('leave', () => {
  test('as long as anybody waits the work goes on', async () => {
    const leaving = new AbortController()
    const left = outcome(join(leaving.signal))
    const staying = join()
    leaving.abort(GONE)
    expect(await left).toBe(GONE)
    expect(work.last.signal.aborted).toBe(false)
    work.last.end.resolve('done')
    expect(await staying).toBe('done')
  })

  test('with the last one the work ends at once, and the next one begins anew', async () => {
    const leaving = [new AbortController(), new AbortController()]
    const left = leaving.map(({ signal }) => outcome(join(signal)))
    leaving[0]?.abort(GONE)
    expect(work.last.signal.aborted).toBe(false)
    leaving[1]?.abort(GONE)
    expect(work.last.signal.aborted).toBe(true)
    expect(await Promise.all(left)).toEqual([GONE, GONE])
    void join()
    expect(work.begun).toHaveLength(2)
    expect(work.last.signal.aborted).toBe(false)
  })

  test('the end of abandoned work does not touch the work that took its place', async () => {
    const leaving = new AbortController()
    const left = outcome(join(leaving.signal))
    leaving.abort(GONE)
    await left
    const second = join()
    work.begun[0]?.end.reject(new Error('aborted'))
    await Promise.resolve()
    await Promise.resolve()
    const third = join()
    expect(work.begun).toHaveLength(2)
    work.last.end.resolve('second')
    expect(await Promise.all([second, third])).toEqual(['second', 'second'])
  })

  test('who left after the result was there ends nothing', async () => {
    const leaving = new AbortController()
    const joined = join(leaving.signal)
    work.last.end.resolve('done')
    await joined
    await Promise.resolve()
    const next = join()
    leaving.abort(GONE)
    expect(work.last.signal.aborted).toBe(false)
    work.last.end.resolve('next')
    expect(await next).toBe('next')
  })
})

describe('linger', () => {
  test('work for one whose time was up goes on for the next', async () => {
    const late = new AbortController()
    const left = outcome(join(late.signal))
    late.abort(LATE)
    expect(await left).toBe(LATE)
    jest.advanceTimersByTime(LINGER - 1)
    expect(work.last.signal.aborted).toBe(false)
    const next = join()
    jest.advanceTimersByTime(10 * LINGER)
    expect(work.last.signal.aborted).toBe(false)
    work.last.end.resolve('found')
    expect(await next).toBe('found')
    expect(work.begun).toHaveLength(1)
  })

  test('ends when nobody came', async () => {
    const late = new AbortController()
    const left = outcome(join(late.signal))
    late.abort(LATE)
    await left
    jest.advanceTimersByTime(LINGER)
    expect(work.last.signal.aborted).toBe(true)
    void join()
    expect(work.begun).toHaveLength(2)
  })

  test('is not cut short by one who merely leaves', async () => {
    const [late, leaving] = [new AbortController(), new AbortController()]
    const left = [late, leaving].map(({ signal }) => outcome(join(signal)))
    late.abort(LATE)
    jest.advanceTimersByTime(LINGER / 2)
    leaving.abort(GONE)
    await Promise.all(left)
    expect(work.last.signal.aborted).toBe(false)
    jest.advanceTimersByTime(LINGER / 2)
    expect(work.last.signal.aborted).toBe(true)
  })
})
