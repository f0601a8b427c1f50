import { expect, test } from '@jest/globals'
import { Turns } from '../../../src/cache/turns.ts'

test('work on one thing comes one after the other, also after a failure; other things do not wait', async () => {
  const turns = new Turns<string>()
  const log: string[] = []
  let finish = (): void => undefined
  const first = turns.take('a', async () => {
    await new Promise<void>((resolve) => (finish = resolve))
    log.push('first')
    throw new Error('failed')
  })
  const second = turns.take('a', async () => {
    log.push('second')
    return 2
  })
  await turns.take('b', async () => void log.push('other'))
  expect(log).toEqual(['other'])
  finish()
  await expect(first).rejects.toThrow('failed')
  expect(await second).toBe(2)
  expect(log).toEqual(['other', 'first', 'second'])
})
