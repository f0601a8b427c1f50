import { inspect } from 'node:util'
import fc from 'fast-check'
import { watchForStrays } from './strays.ts'

/** Something that is true whatever comes in. */
export interface Law {
  readonly name: string
  /** Inputs that it gets of those of its target, relative to its other laws. */
  readonly share: number
  run(options: RunOptions): Promise<Outcome>
}

export interface RunOptions {
  /** Inputs to try. */
  readonly runs: number
  readonly seed: number
  /** Leads to one input of a seed, as a failure tells it. */
  readonly path?: string | undefined
  /** ms after which no further input is begun. */
  readonly time?: number | undefined
  /** Called before each input. */
  readonly onInput?: (() => void) | undefined
}

export interface Outcome {
  /** Inputs tried; where an input is a conversation, its requests. */
  readonly tried: number
  /** ms that the slowest input took. */
  readonly slowest: number
  readonly failure: LawBroken | undefined
}

export interface LawBroken {
  /** Of the smallest input found that breaks the law. */
  readonly path: string
  readonly input: string
  readonly error: string
}

export interface LawOptions<T> {
  /** 1 by default. */
  readonly share?: number
  /** Inputs that broke it once; they are tried first in every run. */
  readonly kept?: readonly T[]
}

/** ms after which an input counts as one that is never done with. */
const PATIENCE = 60_000

/** Inputs after which everything else has its turn, so that promises nobody waits for are heard of. */
const TURN = 128

/**
 * @param holds throws for an input that breaks the law; may return how many requests the input was
 */
export function law<T>(
  name: string,
  inputs: fc.Arbitrary<T>,
  holds: (input: T) => unknown,
  { share = 1, kept = [] }: LawOptions<NoInfer<T>> = {},
): Law {
  return {
    name,
    share,
    async run({ runs, seed, path, time, onInput }) {
      const strays = watchForStrays()
      let tried = 0
      let begun = 0
      let slowest = 0
      const property = fc.asyncProperty(inputs, async (input) => {
        onInput?.()
        const start = performance.now()
        const requests = await holds(input)
        slowest = Math.max(slowest, performance.now() - start)
        tried += typeof requests === 'number' ? requests : 1
        if (++begun % TURN === 0) await strays.settled()
        strays.check()
      })
      try {
        const details = await fc.check(property, {
          numRuns: runs + kept.length,
          seed,
          examples: kept.map((input) => [input]),
          timeout: PATIENCE,
          ...(path === undefined ? {} : { path }),
          ...(time === undefined ? {} : { interruptAfterTimeLimit: time, markInterruptAsFailure: false }),
        })
        return { tried, slowest, failure: failureIn(details) ?? (await strays.last()) }
      } finally {
        strays.end()
      }
    },
  }
}

function failureIn<T>(details: fc.RunDetails<[T]>): LawBroken | undefined {
  if (!details.failed) return undefined
  const { counterexamplePath, counterexample, errorInstance } = details
  return {
    path: counterexamplePath ?? '',
    input: fc.stringify(counterexample?.[0]),
    error: inspect(errorInstance),
  }
}
