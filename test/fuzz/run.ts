import type { Law, LawBroken } from './law.ts'
import { sharesOf, type Target } from './target.ts'

export interface TargetRun {
  /** Inputs, over all laws. */
  readonly runs: number
  readonly seed: number
  readonly path?: string | undefined
  /** Part of the names of the laws that are tried; all of them by default. */
  readonly law?: string | undefined
  /** ms for all of it. */
  readonly time?: number | undefined
  /** Called before each input of a law. */
  readonly onInput?: (law: Law) => void
  readonly onDone?: (done: LawDone) => void
}

export interface LawDone {
  readonly law: Law
  readonly tried: number
  /** ms */
  readonly took: number
  /** ms of the slowest input. */
  readonly slowest: number
  readonly failure: LawBroken | undefined
}

/** Try all laws of a target, one after the other. */
export async function runTarget(target: Target, options: TargetRun): Promise<LawDone[]> {
  const { runs, seed, path, law: wanted = '', time } = options
  const opened = await target.open()
  const chosen = opened.laws.filter(({ name }) => name.includes(wanted))
  const done: LawDone[] = []
  try {
    for (const [law, share] of sharesOf(chosen, runs)) {
      const begun = performance.now()
      const outcome = await law.run({
        runs: share,
        seed,
        path,
        ...(time === undefined ? {} : { time: (time * share) / runs }),
        onInput: () => options.onInput?.(law),
      })
      const one = { law, took: performance.now() - begun, ...outcome }
      done.push(one)
      options.onDone?.(one)
    }
  } finally {
    await opened.close()
  }
  return done
}
