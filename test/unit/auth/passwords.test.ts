import { setMaxListeners } from 'node:events'
import bcrypt from '@node-rs/bcrypt'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { Attempts } from '../../../src/auth/attempts.ts'
import { Passwords, preparePasswords, type PasswordFile } from '../../../src/auth/passwords.ts'

const { signal } = new AbortController()
// Many wait at once.
setMaxListeners(0, signal)
const CLIENT = '10.0.0.1'

/** Counts what is looked at. */
class CountedAttempts extends Attempts {
  made = 0
  override make(...args: Parameters<Attempts['make']>): Promise<boolean> {
    this.made += 1
    return super.make(...args)
  }
}

describe('passwords', () => {
  let file: { value: PasswordFile }
  let hash: string
  beforeAll(async () => {
    hash = await bcrypt.hash('wonder', 4)
    file = { value: await preparePasswords(new Map([['alice', hash.replace('$2b$', '$2y$')]])) }
  })

  const areRight = (passwords: Passwords, user: string, password: string) =>
    passwords.areRight(user, password, CLIENT, signal)

  test('are right or wrong', async () => {
    const passwords = new Passwords(file, new Attempts())
    expect(await areRight(passwords, 'alice', 'wonder')).toBe(true)
    for (const wrong of ['Wonder', 'wonder ', '', hash, 'x'.repeat(10_000)])
      expect(await areRight(passwords, 'alice', wrong)).toBe(false)
    for (const nobody of ['bob', '', '__proto__', 'alice ', 'Alice'])
      expect(await areRight(passwords, nobody, 'wonder')).toBe(false)
  })

  test('of nobody are looked at as others are', async () => {
    const attempts = new CountedAttempts()
    const passwords = new Passwords(file, attempts)
    await areRight(passwords, 'nobody', 'x')
    expect(attempts.made).toBe(1)
    expect(file.value.decoy).toMatch(/^\$2b\$04\$.{53}$/)
  })

  test('of a name that is too long for a user are not looked at, nor is the name remembered', async () => {
    const attempts = new CountedAttempts()
    const passwords = new Passwords(file, attempts)
    expect(await areRight(passwords, 'x'.repeat(256), 'x')).toBe(false)
    expect(attempts.made).toBe(0)
    await areRight(passwords, 'x'.repeat(255), 'x')
    expect(attempts.made).toBe(1)
  })

  test('that are right are remembered, those that are wrong are not', async () => {
    const attempts = new CountedAttempts()
    const passwords = new Passwords(file, attempts)
    for (let n = 0; n < 3; n++) expect(await areRight(passwords, 'alice', 'wonder')).toBe(true)
    expect(attempts.made).toBe(1)
    for (let n = 0; n < 3; n++) expect(await areRight(passwords, 'alice', 'wrong')).toBe(false)
    expect(attempts.made).toBe(4)
  })

  test('shown by many at once are looked at once', async () => {
    const attempts = new CountedAttempts()
    const passwords = new Passwords(file, attempts)
    const all = await Promise.all(Array.from({ length: 20 }, () => areRight(passwords, 'alice', 'wonder')))
    expect([new Set(all), attempts.made]).toEqual([new Set([true]), 1])
  })

  test('that are changed are not remembered', async () => {
    const changing = { value: file.value }
    const passwords = new Passwords(changing, new Attempts())
    expect(await areRight(passwords, 'alice', 'wonder')).toBe(true)
    changing.value = await preparePasswords(new Map([['alice', await bcrypt.hash('land', 4)]]))
    expect(await areRight(passwords, 'alice', 'wonder')).toBe(false)
    expect(await areRight(passwords, 'alice', 'land')).toBe(true)
    changing.value = await preparePasswords(new Map([['bob', hash]]))
    expect(await areRight(passwords, 'alice', 'land')).toBe(false)
  })

  test('are not waited for by a client that leaves', async () => {
    const passwords = new Passwords(file, new Attempts())
    const left = new Error('left')
    await expect(passwords.areRight('alice', 'wonder', CLIENT, AbortSignal.abort(left))).rejects.toBe(left)
  })
})
