import { setMaxListeners } from 'node:events'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { Attempts } from '../../../src/auth/attempts.ts'
import { deferred } from '../../fixtures/name-lookups.ts'

const { signal } = new AbortController()
// Many wait at once.
setMaxListeners(0, signal)

describe('attempts', () => {
  let attempts: Attempts
  let delays: number[]
  let now: number
  beforeEach(() => {
    delays = []
    now = 1_000_000
    attempts = new Attempts({
      wait: async (ms) => void delays.push(ms),
      now: () => now,
    })
  })

  const wrong = async (times: number, user = 'alice', client = '10.0.0.1'): Promise<void> => {
    for (let n = 0; n < times; n++) await attempts.make(user, client, signal, async () => false)
  }
  const right = (user = 'alice', client = '10.0.0.1') => attempts.make(user, client, signal, async () => true)

  test('cost nothing at first, then more and more, but never much', async () => {
    await wrong(14)
    expect(delays).toEqual([125, 250, 500, 1000, 2000, 2000, 2000, 2000, 2000])
  })

  test('are let pass after the delay when the password is right, and the user is forgiven', async () => {
    await wrong(6)
    expect(await right()).toBe(true)
    expect(delays).toEqual([125, 250])
    await right('alice', '10.0.0.2')
    expect(delays).toEqual([125, 250])
  })

  test('of one address are slow for every user, also for one that exists', async () => {
    for (let n = 0; n < 6; n++) await wrong(1, `user-${n}`)
    await right('carol')
    await wrong(1)
    expect(delays).toEqual([125, 250, 250])
  })

  test('of one user are slow from every address', async () => {
    for (let n = 0; n < 6; n++) await wrong(1, 'alice', `10.0.1.${n}`)
    expect(delays).toEqual([125])
  })

  test('of one network of IPv6 count together, of another do not', async () => {
    for (let n = 0; n < 6; n++) await wrong(1, `user-${n}`, `2001:db8:0:1::${n}`)
    expect(delays).toEqual([125])
    await wrong(1, 'x', '2001:db8::2:0:0:0:1')
    await wrong(1, 'y', '::1')
    expect(delays).toEqual([125])
  })

  test('are forgiven in time, however many there were', async () => {
    await wrong(200)
    delays.length = 0
    now += 25 * 10_000
    await wrong(1)
    expect(delays).toEqual([125])
    now += 301_000
    await wrong(5)
    expect(delays).toEqual([125])
  })

  test('are four at once for one address, and others are not kept waiting by them', async () => {
    const gate = deferred<boolean>()
    let tried = 0
    const slow = Array.from({ length: 10 }, (_, n) =>
      attempts.make(`user-${n}`, '10.0.0.1', signal, () => {
        tried += 1
        return gate.promise
      }),
    )
    expect(await right('bob', '10.0.0.2')).toBe(true)
    expect(tried).toBe(4)
    gate.resolve(false)
    await Promise.all(slow)
    expect(tried).toBe(10)
  })

  test('are refused when too many of one address wait', async () => {
    const gate = deferred<boolean>()
    const make = (n: number) => attempts.make(`user-${n}`, '10.0.0.1', signal, () => gate.promise)
    const waiting = Array.from({ length: 68 }, (_, n) => make(n))
    await expect(make(68)).rejects.toMatchObject({ code: 'OVERLOADED' })
    gate.resolve(true)
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([true]))
    expect(await right()).toBe(true)
  })

  test('end when their client leaves', async () => {
    const left = new Error('left')
    const real = new Attempts()
    for (let n = 0; n < 5; n++) await real.make('a', '10.0.0.1', signal, async () => false)
    const client = new AbortController()
    const attempt = real.make('a', '10.0.0.1', client.signal, async () => true)
    client.abort(left)
    await expect(attempt).rejects.toBe(left)
  })
})
