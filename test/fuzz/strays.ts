import { inspect } from 'node:util'
import type { LawBroken } from './law.ts'

/** Watches for failures that nobody waits for, which would end a gateway. */
export interface StrayWatch {
  /** Resolves when those that are to come have come. */
  settled(): Promise<void>
  /** @throws the first of them */
  check(): void
  /** What came after the last input. */
  last(): Promise<LawBroken | undefined>
  end(): void
}

export function watchForStrays(): StrayWatch {
  const strays: unknown[] = []
  const note = (reason: unknown): void => void strays.push(reason)
  process.on('unhandledRejection', note)
  process.on('uncaughtException', note)
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  return {
    settled,
    check() {
      if (strays.length === 0) return
      throw new Error('a failure that nobody waited for, of this input or one shortly before', {
        cause: strays[0],
      })
    },
    async last() {
      await settled()
      const [first] = strays
      if (first === undefined) return undefined
      return { path: '', input: 'one of the last', error: `nobody waited for ${inspect(first)}` }
    },
    end() {
      process.off('unhandledRejection', note)
      process.off('uncaughtException', note)
    },
  }
}
