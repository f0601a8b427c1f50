import type { Law } from './law.ts'

/** A part of the gateway that reads what others have written, with the laws about it. */
export interface Target {
  readonly name: string
  /** Inputs in the quick tests. */
  readonly quick: number
  open(): Promise<OpenTarget>
}

export interface OpenTarget {
  readonly laws: readonly Law[]
  close(): Promise<void>
}

/** A target that needs nothing but its input. */
export function pureTarget(name: string, quick: number, laws: readonly Law[]): Target {
  return { name, quick, open: async () => ({ laws, close: async () => undefined }) }
}

/** Inputs of a target that each of its laws gets. */
export function sharesOf(laws: readonly Law[], runs: number): Map<Law, number> {
  const total = laws.reduce((sum, { share }) => sum + share, 0)
  return new Map(laws.map((law) => [law, Math.max(1, Math.round((runs * law.share) / total))]))
}
